package gsm7_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/menus/gsm7"
)

// basicRows is 3GPP TS 23.038, 6.2.1, row by row, without the escape.
const basicRows = "@£$¥èéùìòÇ\nØø\rÅå" +
	"Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ" +
	" !\"#¤%&'()*+,-./" +
	"0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNO" +
	"PQRSTUVWXYZÄÖÑÜ§" +
	"¿abcdefghijklmno" +
	"pqrstuvwxyzäöñüà"

// extended is its 6.2.1.1.
const extended = "\f^{}\\[~]|€"

func TestTheAlphabetIsTheStandards(t *testing.T) {
	n := 0
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		septets, ok := gsm7.Septets(string(r))
		switch {
		case strings.ContainsRune(basicRows, r):
			n++
			require.True(t, ok && septets == 1, "%q takes one septet", r)
		case strings.ContainsRune(extended, r):
			n++
			require.True(t, ok && septets == 2, "%q takes two septets", r)
		default:
			require.False(t, ok, "%q is not in the alphabet", r)
		}
	}
	require.Equal(t, 127+10, n)
}

func TestSeptetsAreThoseOfTheStandard(t *testing.T) {
	// The 8-bit-aligned order of the table: packing one character shows its septet.
	septet := 0
	for _, r := range basicRows {
		if septet == 0x1b {
			septet++
		}
		require.Equal(t, byte(septet), gsm7.Pack(string(r))[0]&0x7f, "septet of %q", r)
		septet++
	}
	require.Equal(t, 128, septet)
	for r, want := range map[rune]string{
		'\f': "1b05", '^': "1b0a", '{': "1b14", '}': "9b14", '\\': "9b17",
		'[': "1b1e", '~': "9b1e", ']': "1b1f", '|': "1b20", '€': "9b32",
	} {
		require.Equal(t, want, hex.EncodeToString(gsm7.Pack(string(r))), "%q", r)
	}
}

func TestSeptets(t *testing.T) {
	cases := []struct {
		name, text string
		want       int
		ok         bool
	}{
		{"nothing", "", 0, true},
		{"ASCII", "1 Send money", 12, true},
		{"letters of the alphabet", "Été à", 5, true},
		{"the euro takes two", "€5", 3, true},
		{"brackets take two", "[a]", 5, true},
		{"lines", "a\nb", 3, true},
		{"a letter that the alphabet lacks counts one", "ça", 2, false},
		{"a combining accent is one more", "e\u0301", 2, false},
		{"broken UTF-8", "a\xff", 2, false},
		{"the escape itself is no character", "\x1b", 1, false},
		{"the no-break space is none either", "\u00a0", 1, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n, ok := gsm7.Septets(c.text)
			if n != c.want || ok != c.ok {
				t.Errorf("Septets(%q) = %d, %t, want %d, %t", c.text, n, ok, c.want, c.ok)
			}
			require.Equal(t, c.ok, gsm7.CanEncode(c.text))
		})
	}
}

func TestFold(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"ASCII stays", "1 Send money\n0 Back", "1 Send money\n0 Back"},
		{"the alphabet's accents stay", "Été à Ñandú", "Été à Ñandu"},
		{"others go", "ç ê â î ô û ë ï", "c e a i o u e i"},
		{"capitals too", "Ê Â Î Ô Û Ë Ï À È Ç", "E A I O U E I A E Ç"},
		{"a combining accent composes first", "e\u0301 c\u0327", "é c"},
		{"ligatures", "œuf Œuvre ﬁn Æ", "oeuf OEuvre fin Æ"},
		{"quotes", "“l’été” «x» ‘y’ `z´", `"l'été" "x" 'y' 'z'`},
		{"dashes", "a–b—c−d‑e", "a-b-c-d-e"},
		{"odd spaces", "1\u00a0000\u202f000\u2009x\ty", "1 000 000 x y"},
		{"no width, no place", "a\u200bb\ufeffc\u00add", "abcd"},
		{"line ends", "a\r\nb\rc\u2028d", "a\nb\nc\nd"},
		{"the ellipsis", "wait…", "wait..."},
		{"the euro stays", "€5", "€5"},
		{"brackets stay", "[{~}]|\\^", "[{~}]|\\^"},
		{"full width", "１２３Ａ", "123A"},
		{"superscripts and fractions", "m² ½ №", "m2 1/2 No"},
		{"Yoruba and Hausa", "ẹ ọ ṣ ɓ ɗ ƙ", "e o s b d k"},
		{"Ewe and Twi", "ɛ ɔ ŋ Ɔ", "e o ng O"},
		{"Vietnamese", "Đường", "Duong"},
		{"Polish", "Łódź", "Lodz"},
		{"the naira", "₦500", "N500"},
		{"other scripts are asked about", "Привет 你", "?????? ?"},
		{"Greek capitals of the alphabet stay", "ΔΦΓ", "ΔΦΓ"},
		{"an emoji", "ok 👍🏽", "ok ??"},
		{"controls", "a\x00b\x1bc\x7f", "a?b?c?"},
		{"broken UTF-8", "a\xffb", "a?b"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := gsm7.Fold(c.text); got != c.want {
				t.Errorf("Fold(%q) = %q, want %q", c.text, got, c.want)
			}
		})
	}
}

func FuzzFold(f *testing.F) {
	for _, seed := range []string{"Été", "œ", "“x”", "\xff", "a\u0301\u0302", "👍", "\r\n", "ﷺ", "\x1b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := gsm7.Fold(s)
		if !gsm7.CanEncode(folded) || strings.ContainsAny(folded, "\r\f") {
			t.Errorf("Fold(%q) = %q, which the alphabet lacks", s, folded)
		}
		if again := gsm7.Fold(folded); again != folded {
			t.Errorf("Fold(%q) = %q, folded again %q", s, folded, again)
		}
		if gsm7.Unpack(gsm7.Pack(folded)) != folded {
			t.Errorf("%q does not survive the air", folded)
		}
	})
}

func TestFoldLeavesTheAlphabetAlone(t *testing.T) {
	kept := strings.NewReplacer("\r", "", "\f", "").Replace(basicRows + extended)
	for _, r := range kept {
		require.Equal(t, string(r), gsm7.Fold(string(r)))
	}
}

func TestTruncate(t *testing.T) {
	cases := []struct {
		name, text string
		limit      int
		want       string
	}{
		{"fits", "abc", 3, "abc"},
		{"cut", "abcd", 3, "abc"},
		{"an escape is not cut from its character", "ab€", 3, "ab"},
		{"the euro fits", "ab€", 4, "ab€"},
		{"a letter of two bytes is not halved", "éé", 1, "é"},
		{"nothing fits into nothing", "a", 0, ""},
		{"less than nothing", "a", -1, ""},
		{"nothing to cut", "", 0, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := gsm7.Truncate(c.text, c.limit); got != c.want {
				t.Errorf("Truncate(%q, %d) = %q, want %q", c.text, c.limit, got, c.want)
			}
		})
	}
}

func TestTruncateIsTheLongestBeginningThatFits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune(basicRows+extended+"ç你👍"))).Draw(r, "text")
		limit := rapid.IntRange(0, 40).Draw(r, "limit")

		cut := gsm7.Truncate(text, limit)
		n, _ := gsm7.Septets(cut)
		require.True(r, strings.HasPrefix(text, cut) && n <= limit)
		if rest := text[len(cut):]; rest != "" {
			next, _ := utf8.DecodeRuneInString(rest)
			more, _ := gsm7.Septets(string(next))
			require.Greater(r, n+more, limit, "%q would have fitted", next)
		}

		wide := gsm7.TruncateUCS2(text, limit)
		require.True(r, strings.HasPrefix(text, wide) && gsm7.UCS2(wide) <= limit)
		if rest := text[len(wide):]; rest != "" {
			next, _ := utf8.DecodeRuneInString(rest)
			require.Greater(r, gsm7.UCS2(wide)+gsm7.UCS2(string(next)), limit, "%q would have fitted", next)
		}
	})
}

func TestUCS2CountsUnitsOf16Bits(t *testing.T) {
	require.Equal(t, 4, gsm7.UCS2("Été!"))
	require.Equal(t, 3, gsm7.UCS2("a👍"))
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.String().Draw(r, "text")
		require.Len(r, utf16.Encode([]rune(text)), gsm7.UCS2(text))
	})
}
