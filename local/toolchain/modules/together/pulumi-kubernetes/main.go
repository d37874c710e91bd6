// The Kubernetes resource provider of Pulumi, as a command of our own around the released provider package: the
// upstream command embeds two generated files that its module does not carry at a path Go can embed from outside.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

// Both files are copied here from the module's cmd/pulumi-resource-kubernetes folder before the build.
var (
	//go:embed schema.json
	schema []byte
	//go:embed terraform-mapping.json
	mapping []byte
)

func main() { provider.Serve("kubernetes", version.Version, schema, mapping) }
