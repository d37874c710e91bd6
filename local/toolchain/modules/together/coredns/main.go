// CoreDNS with the plugins that the embedded cluster uses. The upstream command carries some forty more, with the SDKs
// of three clouds among their dependencies: four fifths of its build.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
)

func init() {
	// The order in which a query passes the plugins, as upstream has it.
	dnsserver.Directives = []string{
		"reload", "health", "ready", "prometheus", "errors", "cache", "loadbalance", "kubernetes",
	}
}

func main() { coremain.Run() }
