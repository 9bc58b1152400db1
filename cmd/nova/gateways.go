package main

import (
	"fmt"

	"nova/channels/ussd"
	"nova/channels/ussd/africastalking"
	"nova/channels/ussd/native"
	"nova/configs"
	"nova/menus"
	"nova/menus/gsm7"
)

// adapters are the protocols that Nova speaks: one line each.
var adapters = map[string]func(configs.Gateway) ussd.Gateway{
	"africastalking": func(g configs.Gateway) ussd.Gateway {
		return ussd.Gateway{Turn: africastalking.Gateway{LastInput: g.Mode == configs.Last}}
	},
}

// gateways builds the configured gateways with their doors.
func gateways(config configs.Config) ([]ussd.Gateway, error) {
	var all []ussd.Gateway
	for _, g := range config.Gateways {
		adapter, ok := adapters[g.AdapterName()]
		if !ok {
			return nil, fmt.Errorf("gateway %s: there is no adapter %s", g.Name, g.AdapterName())
		}
		door, err := ussd.NewDoor(ussd.DoorOptions{
			Sources: g.CIDRs, TrustedProxies: g.TrustedProxies, Token: g.Token, User: g.BasicUser, Password: g.BasicPassword,
			SignatureHeader: g.HMACHeader, SignatureKey: g.HMACSecret,
		})
		if err != nil {
			return nil, fmt.Errorf("gateway %s: %w", g.Name, err)
		}
		gateway := adapter(g)
		gateway.Name, gateway.Door = g.Name, door
		all = append(all, gateway)
	}
	return all, nil
}

// gatewayTerms are what is agreed with each configured gateway.
func gatewayTerms(config configs.Config, codes map[string]menus.Root) []ussd.Terms {
	var all []ussd.Terms
	for _, g := range config.Gateways {
		all = append(all, ussd.Terms{
			Name: g.Name, Codes: relayed(codes, g.Codes), Countries: g.Countries, Networks: g.Networks, Budget: budget(g),
			Deadline: g.HopDeadline, TTL: g.SessionTTL, RepeatWindow: g.RepeatWindow, RecyclesIDs: g.RecyclesIDs,
		})
	}
	return all
}

// nativeTerms are those of the JSON callback: its token says who calls, so it may vouch for any number.
func nativeTerms(codes map[string]menus.Root) ussd.Terms {
	return ussd.Terms{Name: native.Name, Codes: codes, Countries: []string{ussd.AnyCountry}, Budget: gsm7.Default}
}

// relayed are the short codes that a gateway may relay: all, unless it names some.
func relayed(codes map[string]menus.Root, named []string) map[string]menus.Root {
	if len(named) == 0 {
		return codes
	}
	some := map[string]menus.Root{}
	for _, code := range named {
		some[code] = codes[code]
	}
	return some
}
