package money

// Currency is an ISO 4217 code, "BBD". The zero value is no currency.
type Currency string

// The currencies that code names. The table below holds all that a market may use.
const (
	BBD Currency = "BBD"
	USD Currency = "USD"
	EUR Currency = "EUR"
	KES Currency = "KES"
	GHS Currency = "GHS"
	NGN Currency = "NGN"
	TZS Currency = "TZS"
	UGX Currency = "UGX"
	RWF Currency = "RWF"
	XOF Currency = "XOF"
	XAF Currency = "XAF"
	ZMW Currency = "ZMW"
	MZN Currency = "MZN"
	MGA Currency = "MGA"
	TND Currency = "TND"
	GNF Currency = "GNF"
)

// exponents are ISO 4217's, except where noted: how many decimals the minor unit is.
var exponents = map[Currency]int{
	"AED": 2, "AOA": 2, "BBD": 2, "BDT": 2, "BIF": 0, "BSD": 2, "BWP": 2, "BZD": 2,
	"CDF": 2, "CVE": 2, "DJF": 0, "DZD": 2, "EGP": 2, "ERN": 2, "ETB": 2, "EUR": 2,
	"GBP": 2, "GHS": 2, "GMD": 2, "GNF": 0, "GYD": 2, "HTG": 2, "INR": 2, "JMD": 2,
	"KES": 2, "KMF": 0, "LKR": 2, "LRD": 2, "LSL": 2, "LYD": 3, "MAD": 2, "MUR": 2,
	"MWK": 2, "MZN": 2, "NAD": 2, "NGN": 2, "NPR": 2, "PHP": 2, "PKR": 2, "RWF": 0,
	"SCR": 2, "SDG": 2, "SLE": 2, "SOS": 2, "SRD": 2, "SSP": 2, "STN": 2, "SZL": 2,
	"TND": 3, "TTD": 2, "TZS": 2, "UGX": 0, "USD": 2, "XAF": 0, "XCD": 2, "XOF": 0,
	"ZAR": 2, "ZMW": 2,
	// An ariary is 5 iraimbilanja, a fifth and no decimal; ISO 4217 lists 2 decimals,
	// and that is what mobile money APIs exchange.
	"MGA": 2,
}

// Exponent is the number of decimals of the currency's minor unit: 2 for BBD, 0 for
// XOF, 3 for TND; 0 for a currency that is not in the table, which Valid tells.
func (c Currency) Exponent() int { return exponents[c] }

// Valid reports whether the currency is in the table.
func (c Currency) Valid() bool {
	_, ok := exponents[c]
	return ok
}
