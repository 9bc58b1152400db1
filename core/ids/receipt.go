package ids

import (
	"strings"

	"nova/core/fault"
)

// Receipt numbers are read from small screens and said over the phone: Crockford's
// base32 has no I, L, O or U, so nothing in it is mistaken for 1 or 0.
const receiptAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	bitsPerChar     = 5
	minReceiptChars = 6  // 32^6 = 2^30: the first thousand million receipts
	maxReceiptChars = 13 // 13 * 5 = 65 bits: every uint64 has a receipt
)

// The mix is a bijection on numbers of a given width: add, then three times xor the
// upper half into the lower and multiply by an odd number, and xor once more, all
// modulo 2^width. Each step can be undone. There is no key and no secrecy: it only keeps a
// receipt from telling how many transactions a day has, and neighbours from looking
// alike when they are misheard. The multipliers are the odd numbers next to 2^64
// divided by the golden ratio, the square root of two and e; mixOffset moves 0 away
// from "000000".
const (
	mixOffset uint64 = 0x1d3f84a5b7c9e1
	mixFirst  uint64 = 0x9e3779b97f4a7c15
	mixSecond uint64 = 0xb504f333f9de6485
	mixThird  uint64 = 0x5e2d58d8b3bcdf1b
)

// The multipliers that undo the mix's.
var (
	unmixFirst  = inverse(mixFirst)
	unmixSecond = inverse(mixSecond)
	unmixThird  = inverse(mixThird)
)

// inverse is the number that multiplies with odd to 1 modulo 2^64, by Newton's
// iteration: each round doubles the number of right bits, and 3 are right at once.
func inverse(odd uint64) uint64 {
	x := odd
	for range 5 {
		x *= 2 - odd*x
	}
	return x
}

// Receipt is the receipt number of the n-th transaction: 6 characters for n < 2^30,
// 7 up to 2^35, and so on. Different n never give the same receipt.
func Receipt(n uint64) string {
	chars := receiptChars(n)
	v := mix(n, uint(chars*bitsPerChar))
	text := make([]byte, chars)
	for i := chars - 1; i >= 0; i-- {
		text[i] = receiptAlphabet[v&31]
		v >>= bitsPerChar
	}
	return string(text)
}

// ParseReceipt is Receipt undone, for numbers that people type: lower case, spaces
// and hyphens are forgiven, O is read as 0, I and L as 1. What Receipt cannot have
// made is a VALIDATION_ERROR. Receipt(n) is the canonical spelling to search for.
func ParseReceipt(typed string) (uint64, error) {
	text := receiptFolder.Replace(strings.ToUpper(typed))
	if len(text) < minReceiptChars || len(text) > maxReceiptChars {
		return 0, fault.New(fault.ValidationError, "a receipt number has 6 to 13 characters")
	}
	var v uint64
	for i := range len(text) {
		digit := strings.IndexByte(receiptAlphabet, text[i])
		if digit < 0 || v>>(64-bitsPerChar) != 0 {
			return 0, fault.New(fault.ValidationError, "not a receipt number")
		}
		v = v<<bitsPerChar | uint64(digit)
	}
	n := unmix(v, uint(len(text)*bitsPerChar))
	if receiptChars(n) != len(text) {
		return 0, fault.New(fault.ValidationError, "a receipt number that was never given out")
	}
	return n, nil
}

// receiptFolder maps what people type for a receipt onto the alphabet.
var receiptFolder = strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1")

// receiptChars is the length of n's receipt.
func receiptChars(n uint64) int {
	chars := minReceiptChars
	for chars < maxReceiptChars && n>>(chars*bitsPerChar) != 0 {
		chars++
	}
	return chars
}

// widthMask keeps the lowest bits; of 64 and more it keeps all.
func widthMask(bits uint) uint64 {
	if bits >= 64 {
		return ^uint64(0)
	}
	return 1<<bits - 1
}

// mix permutes the numbers below 2^bits.
func mix(n uint64, bits uint) uint64 {
	mask, half := widthMask(bits), (min(bits, 64)+1)/2
	n = (n + mixOffset) & mask
	n ^= n >> half
	n = n * mixFirst & mask
	n ^= n >> half
	n = n * mixSecond & mask
	n ^= n >> half
	n = n * mixThird & mask
	return n ^ n>>half
}

// unmix undoes mix. A xor with the upper half undoes itself, because what is shifted
// in was not changed.
func unmix(n uint64, bits uint) uint64 {
	mask, half := widthMask(bits), (min(bits, 64)+1)/2
	n ^= n >> half
	n = n * unmixThird & mask
	n ^= n >> half
	n = n * unmixSecond & mask
	n ^= n >> half
	n = n * unmixFirst & mask
	n ^= n >> half
	return (n - mixOffset) & mask
}
