// Enforces the NetworkPolicies of one node: the first packet of every connection from or to a pod comes here through
// NFQUEUE, and goes on when the policies allow it. What the policies mean is the engine of kube-network-policies.
//
// Upstream's own command brings its packets here with an nftables expression (`queue`) that not every kernel has. The
// node has iptables rules for it instead (`local/node_settings.py`), and they are there before the first pod is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/florianl/go-nfqueue/v2"
	"github.com/mdlayher/netlink"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/network"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
	"sigs.k8s.io/kube-network-policies/pkg/podinfo"
)

const (
	ipIndex = "live-pods-by-ip"
	// A pod's first packet may be quicker than the report of its address. It waits that long, and is dropped then.
	patience = 5 * time.Second
	pause    = 10 * time.Millisecond
)

// livePods finds the pod of an address. A pod that has ended keeps its address in its status, and another has it now.
type livePods struct{ cache.Indexer }

func indexLivePods(object any) ([]string, error) {
	pod, ok := object.(*v1.Pod)
	if !ok || pod.Spec.HostNetwork || pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed {
		return nil, nil
	}
	addresses := make([]string, 0, len(pod.Status.PodIPs))
	for _, address := range pod.Status.PodIPs {
		addresses = append(addresses, address.IP)
	}
	return addresses, nil
}

func (pods livePods) LookupPod(address string) (string, bool) {
	keys, err := pods.IndexKeys(ipIndex, address)
	// Two pods with one address is a moment in which one of them ends: whose packet it is will be clear soon.
	if err != nil || len(keys) != 1 {
		return "", false
	}
	return keys[0], true
}

type judge struct {
	engine *networkpolicy.PolicyEngine
	pods   livePods
	subnet netip.Prefix
}

// knows says whether it is clear what an address is: one outside the cluster, or that of a known pod.
func (judge judge) knows(ip netip.Addr) bool {
	if !judge.subnet.Contains(ip) {
		return true
	}
	_, found := judge.pods.LookupPod(ip.String())
	return found
}

func (judge judge) allows(ctx context.Context, packet *network.Packet) bool {
	source, isSource := netip.AddrFromSlice(packet.SrcIP)
	target, isTarget := netip.AddrFromSlice(packet.DstIP)
	if !isSource || !isTarget {
		return false
	}
	deadline := time.Now().Add(patience)
	for !judge.knows(source.Unmap()) || !judge.knows(target.Unmap()) {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(pause)
	}
	allowed, err := judge.engine.EvaluatePacket(ctx, packet)
	return err == nil && allowed
}

// waitUntilAllowed returns when the API server answers what is asked of it. On a new cluster the rights to ask come
// after the first question, and an informer that was refused once would ask again only half a minute later.
func waitUntilAllowed(ctx context.Context, client kubernetes.Interface) error {
	one := metav1.ListOptions{Limit: 1}
	return wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, pods := client.CoreV1().Pods("").List(ctx, one)
		_, namespaces := client.CoreV1().Namespaces().List(ctx, one)
		_, policies := client.NetworkingV1().NetworkPolicies("").List(ctx, one)
		return pods == nil && namespaces == nil && policies == nil, nil
	})
}

func run() error {
	var kubeconfig, node, subnet string
	var number uint
	flag.StringVar(&kubeconfig, "kubeconfig", "", "path of a kubeconfig that may watch pods, namespaces and policies")
	flag.StringVar(&node, "hostname-override", "", "name of the node")
	flag.StringVar(&subnet, "pod-cidr", "", "addresses of pods")
	flag.UintVar(&number, "queue", 100, "number of the queue that the iptables rules name")
	klog.InitFlags(nil)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	prefix, err := netip.ParsePrefix(subnet)
	if err != nil {
		return fmt.Errorf("-pod-cidr: %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("-kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := waitUntilAllowed(ctx, client); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, namespaces := factory.Core().V1().Pods(), factory.Core().V1().Namespaces()
	policies := factory.Networking().V1().NetworkPolicies()
	if err := pods.Informer().AddIndexers(cache.Indexers{ipIndex: indexLivePods}); err != nil {
		return err
	}
	live := livePods{pods.Informer().GetIndexer()}
	engine := networkpolicy.NewPolicyEngine(
		podinfo.NewInformerProvider(pods, namespaces, nil, []podinfo.IPResolver{live}),
		[]api.PolicyEvaluator{networkpolicy.NewStandardNetworkPolicy(node, namespaces, pods, policies)},
	)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	queue, err := nfqueue.Open(&nfqueue.Config{
		NfQueue: uint16(number),
		// Only headers are looked at; the kernel need not cut large packets into pieces first.
		Flags:        nfqueue.NfQaCfgFlagGSO,
		MaxPacketLen: 128,
		MaxQueueLen:  4096,
		Copymode:     nfqueue.NfQnlCopyPacket,
		WriteTimeout: time.Second,
	})
	if err != nil {
		return fmt.Errorf("opening queue %d: %w", number, err)
	}
	defer queue.Close()
	judge := judge{engine: engine, pods: live, subnet: prefix}
	var writing sync.Mutex
	verdict := func(id uint32, verdict int) {
		writing.Lock()
		defer writing.Unlock()
		if err := queue.SetVerdict(id, verdict); err != nil {
			klog.ErrorS(err, "the verdict was not taken", "packet", id)
		}
	}
	err = queue.RegisterWithErrorFunc(ctx, func(attribute nfqueue.Attribute) int {
		id := *attribute.PacketID
		if attribute.Payload == nil {
			verdict(id, nfqueue.NfDrop)
			return 0
		}
		packet, err := network.ParsePacket(*attribute.Payload)
		if err != nil {
			klog.ErrorS(err, "not a packet that can be judged", "packet", id)
			verdict(id, nfqueue.NfDrop)
			return 0
		}
		// One packet that waits must not keep the others waiting.
		go func() {
			if judge.allows(ctx, &packet) {
				verdict(id, nfqueue.NfAccept)
				return
			}
			klog.InfoS("denied", "protocol", packet.Proto, "from", packet.SrcIP, "to", packet.DstIP, "port", packet.DstPort)
			verdict(id, nfqueue.NfDrop)
		}()
		return 0
	}, func(err error) int {
		var failed *netlink.OpError
		if errors.As(err, &failed) && (failed.Timeout() || failed.Temporary()) {
			return 0
		}
		// More packets than the socket holds: those are dropped, the next ones come.
		klog.ErrorS(err, "receiving from the queue")
		return 0
	})
	if err != nil {
		return fmt.Errorf("listening on queue %d: %w", number, err)
	}
	klog.InfoS("enforcing network policies", "node", node, "pods", prefix, "queue", number)
	<-ctx.Done()
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "network-policies: %v\n", err)
		os.Exit(1)
	}
}
