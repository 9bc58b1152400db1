package web

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// maxForwarded bounds the addresses of X-Forwarded-For that are looked at. Real chains have three.
const maxForwarded = 32

// ParseNetworks reads addresses and CIDR ranges, "18.133.205.228" or "196.201.212.0/22". Its error names all that are
// neither.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	parsed := make([]netip.Prefix, 0, len(list))
	var faults []error
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(s); err == nil {
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%q is neither an address nor a CIDR range", s))
			continue
		}
		parsed = append(parsed, p.Masked())
	}
	return parsed, errors.Join(faults...)
}

// Within tells that an address lies in one of the networks.
func Within(a netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Source is the address of whoever called us or, through proxies of ours, them: the rightmost of the chain that is no
// proxy of ours. What stands left of it is hearsay. False: a proxy of ours passed on what is no chain of addresses.
func Source(c *fiber.Ctx, proxies []netip.Prefix) (netip.Addr, bool) {
	from, ok := peer(c)
	if !ok || !Within(from, proxies) {
		return from, ok
	}
	chain := forwarded(c)
	if len(chain) > maxForwarded {
		return netip.Addr{}, false
	}
	for i := len(chain) - 1; i >= 0; i-- {
		if from, ok = hopAddress(chain[i]); !ok || !Within(from, proxies) {
			return from, ok
		}
	}
	return from, true
}

// peer is the other end of the connection.
func peer(c *fiber.Ctx) (netip.Addr, bool) {
	tcp, ok := c.Context().RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	from := tcp.AddrPort().Addr().Unmap().WithZone("")
	return from, from.IsValid()
}

// forwarded is X-Forwarded-For, however many headers it came in.
func forwarded(c *fiber.Ctx) []string {
	var chain []string
	for _, header := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		chain = append(chain, strings.Split(string(header), ",")...)
	}
	return chain
}

// hopAddress reads "192.0.2.1", "192.0.2.1:80", "2001:db8::1" or "[2001:db8::1]:80".
func hopAddress(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap(), a.Zone() == ""
	}
	ap, err := netip.ParseAddrPort(s)
	return ap.Addr().Unmap(), err == nil && ap.Addr().Zone() == ""
}
