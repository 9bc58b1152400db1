package gsm7

// Budget is what one USSD screen may hold on a gateway: 182 septets in 160 octets (3GPP TS 23.038), 160 where some
// networks show less, or 80 characters where the network carries UCS-2.
type Budget struct {
	// Septets is the limit in GSM-7 septets, or in UCS-2 characters where UCS2 is set.
	Septets int
	UCS2    bool
}

// Default fits every network known to carry USSD.
var Default = Budget{Septets: 160}

// Size measures a screen in the budget's own unit.
func (b Budget) Size(screen string) int {
	if b.UCS2 {
		return UCS2(screen)
	}
	n, ok := Septets(screen)
	if !ok {
		return UCS2(screen) + b.Septets
	}
	return n
}

// Fits tells whether the screen is whole on the handset.
func (b Budget) Fits(screen string) bool { return b.Size(screen) <= b.Septets }

// Cut shortens a screen to the budget, on a character's boundary.
func (b Budget) Cut(screen string) string {
	if b.UCS2 {
		return TruncateUCS2(screen, b.Septets)
	}
	return Truncate(screen, b.Septets)
}
