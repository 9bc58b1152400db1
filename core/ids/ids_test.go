package ids_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/fault"
	"nova/core/ids"
)

func TestNewIsAVersion7UUIDOfItsTime(t *testing.T) {
	now := time.Date(2026, 11, 30, 10, 31, 0, 123456000, time.UTC)
	id := ids.New(now)
	require.Equal(t, uuid.Version(7), id.Version())
	require.Equal(t, uuid.RFC4122, id.Variant())
	sec, nsec := id.Time().UnixTime()
	require.Equal(t, now.Truncate(time.Millisecond), time.Unix(sec, nsec).UTC())
}

func TestIDsSortByTime(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		early := rapid.Int64Range(0, 1<<47).Draw(r, "early")
		later := early + rapid.Int64Range(1, 1<<46).Draw(r, "later by")
		a, b := ids.New(time.UnixMilli(early)), ids.New(time.UnixMilli(later))
		require.Negative(r, bytes.Compare(a[:], b[:]))
		require.Less(r, ids.Format(ids.Transaction, a), ids.Format(ids.Transaction, b))
	})
}

func TestIDsOfOneMomentDiffer(t *testing.T) {
	seen := map[uuid.UUID]bool{}
	for range 10_000 {
		seen[ids.New(time.UnixMilli(1))] = true
	}
	require.Len(t, seen, 10_000)
}

func TestATimeBefore1970IsNotAFarFuture(t *testing.T) {
	id := ids.New(time.Unix(-1, 0))
	require.Equal(t, make([]byte, 6), id[:6])
}

// The valid examples of the TypeID specification (valid.json).
func TestFormatFollowsTheSpecification(t *testing.T) {
	cases := []struct {
		name   string
		prefix ids.Prefix
		id     string
		want   string
	}{
		{"nil", "prefix", "00000000-0000-0000-0000-000000000000", "prefix_00000000000000000000000000"},
		{"one", "prefix", "00000000-0000-0000-0000-000000000001", "prefix_00000000000000000000000001"},
		{"ten", "prefix", "00000000-0000-0000-0000-00000000000a", "prefix_0000000000000000000000000a"},
		{"sixteen", "prefix", "00000000-0000-0000-0000-000000000010", "prefix_0000000000000000000000000g"},
		{"thirty-two", "prefix", "00000000-0000-0000-0000-000000000020", "prefix_00000000000000000000000010"},
		{"max", "prefix", "ffffffff-ffff-ffff-ffff-ffffffffffff", "prefix_7zzzzzzzzzzzzzzzzzzzzzzzzz"},
		{"the alphabet", "prefix", "0110c853-1d09-52d8-d73e-1194e95b5f19", "prefix_0123456789abcdefghjkmnpqrs"},
		{"a UUIDv7", "prefix", "01890a5d-ac96-774b-bcce-b302099a8057", "prefix_01h455vb4pex5vsknk084sn02q"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			id := uuid.MustParse(c.id)
			if got := ids.Format(c.prefix, id); got != c.want {
				t.Errorf("Format(%s) = %q, want %q", c.id, got, c.want)
			}
			back, err := ids.Parse(c.prefix, c.want)
			require.NoError(t, err)
			require.Equal(t, id, back)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	cases := []struct{ name, text string }{
		{"nothing", ""},
		{"only the prefix", "txn_"},
		{"another prefix", "cus_01h455vb4pex5vsknk084sn02q"},
		{"no prefix", "01h455vb4pex5vsknk084sn02q"},
		{"a longer prefix that ends alike", "xtxn_01h455vb4pex5vsknk084sn02q"},
		{"more than 128 bits", "txn_8zzzzzzzzzzzzzzzzzzzzzzzzz"},
		{"one character too few", "txn_01h455vb4pex5vsknk084sn02"},
		{"one character too many", "txn_01h455vb4pex5vsknk084sn02qq"},
		{"upper case", "txn_01H455VB4PEX5VSKNK084SN02Q"},
		{"a letter that looks like a digit", "txn_o1h455vb4pex5vsknk084sn02q"},
		{"the letter u", "txn_01h455vb4pex5vsknk084sn02u"},
		{"a hyphen", "txn_01h455vb4pex5-sknk084sn02q"},
		{"a bare UUID", "01890a5d-ac96-774b-bcce-b302099a8057"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ids.Parse(ids.Transaction, c.text)
			if !fault.Is(err, fault.ValidationError) {
				t.Errorf("Parse(%q) = %v, want a VALIDATION_ERROR", c.text, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"txn_01h455vb4pex5vsknk084sn02q", "txn_7zzzzzzzzzzzzzzzzzzzzzzzzz", "txn_8zzzzzzzzzzzzzzzzzzzzzzzzz", "txn_", "txn_é",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ids.Parse(ids.Transaction, s)
		if err == nil && ids.Format(ids.Transaction, id) != s {
			t.Errorf("Parse(%q) = %s, which is written %q", s, id, ids.Format(ids.Transaction, id))
		}
	})
}

func TestFormatAndParseUndoEachOther(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		id, err := uuid.FromBytes(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "id"))
		require.NoError(r, err)
		back, err := ids.Parse(ids.Wallet, ids.Format(ids.Wallet, id))
		require.NoError(r, err)
		require.Equal(r, id, back)
	})
}

func TestReceiptLengths(t *testing.T) {
	cases := []struct {
		name string
		n    uint64
		want int
	}{
		{"the first", 0, 6},
		{"the last of six", 1<<30 - 1, 6},
		{"the first of seven", 1 << 30, 7},
		{"the last of seven", 1<<35 - 1, 7},
		{"the first of eight", 1 << 35, 8},
		{"the last there is", 1<<64 - 1, 13},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := ids.Receipt(c.n); len(got) != c.want {
				t.Errorf("Receipt(%d) = %q, want %d characters", c.n, got, c.want)
			}
		})
	}
}

// Receipts are printed on paper: the permutation can never change.
func TestReceiptsNeverChange(t *testing.T) {
	want := map[uint64]string{
		0: "S13WRQ", 1: "TTTJEE", 2: "GDNT6C", 1000: "KTQJ76", 1<<30 - 1: "2TMTMY",
		1 << 30: "F072SMV", 1 << 35: "716JG3CM", 1<<64 - 1: "B51H0C2ATQQ1Z",
	}
	for n, receipt := range want {
		if got := ids.Receipt(n); got != receipt {
			t.Errorf("Receipt(%d) = %q, want %q", n, got, receipt)
		}
	}
}

func TestReceiptsAreABijection(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		// Every width is drawn about as often as the next.
		n := rapid.Uint64().Draw(r, "n") >> rapid.UintRange(0, 63).Draw(r, "shift")
		receipt := ids.Receipt(n)
		back, err := ids.ParseReceipt(receipt)
		require.NoError(r, err)
		require.Equal(r, n, back)
		require.Empty(r, strings.Trim(receipt, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
	})
}

func TestReceiptsOfARowAreDistinctAndUnlike(t *testing.T) {
	const rows = 200_000
	seen := make(map[string]bool, rows)
	alike := 0
	for n := range uint64(rows) {
		receipt := ids.Receipt(n)
		require.False(t, seen[receipt], "%d has the receipt of an earlier one: %s", n, receipt)
		seen[receipt] = true
		next := ids.Receipt(n + 1)
		if receipt[:3] == next[:3] || receipt[3:] == next[3:] {
			alike++
		}
	}
	// Three random characters agree once in 32,768.
	require.Less(t, alike, rows/1000, "neighbours begin or end alike")
}

// Every receipt of six characters that is read is one that Receipt gives out: the
// permutation reaches all of its range.
func TestEverySixCharactersAreAReceipt(t *testing.T) {
	alphabet := []rune("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom(alphabet), 6, 6, 6).Draw(r, "receipt")
		n, err := ids.ParseReceipt(text)
		require.NoError(r, err)
		require.Less(r, n, uint64(1<<30))
		require.Equal(r, text, ids.Receipt(n))
	})
}

func TestTypedReceiptsAreForgiven(t *testing.T) {
	const n = 20
	receipt := ids.Receipt(n)
	for _, typed := range []string{
		strings.ToLower(receipt), " " + receipt[:3] + " " + receipt[3:], receipt[:3] + "-" + receipt[3:],
	} {
		got, err := ids.ParseReceipt(typed)
		require.NoError(t, err)
		require.EqualValues(t, n, got)
	}
	zeros, err := ids.ParseReceipt("O1LIo0")
	require.NoError(t, err)
	require.Equal(t, "011100", ids.Receipt(zeros))
}

func TestParseReceiptRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "7K3M9", "7K3M9U", "7K3M9?", "7K3M9É", strings.Repeat("Z", 14), strings.Repeat("Z", 13),
	} {
		_, err := ids.ParseReceipt(bad)
		if !fault.Is(err, fault.ValidationError) {
			t.Errorf("ParseReceipt(%q) = %v, want a VALIDATION_ERROR", bad, err)
		}
	}
}

func FuzzParseReceipt(f *testing.F) {
	for _, seed := range []string{"7K3M9Q", "7k3 m9q", "0000000", "FZZZZZZZZZZZZ", "GZZZZZZZZZZZZ", "ß"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ids.ParseReceipt(s)
		if err != nil {
			return
		}
		if back, err := ids.ParseReceipt(ids.Receipt(n)); err != nil || back != n {
			t.Errorf("ParseReceipt(%q) = %d, whose receipt %q reads as %d, %v", s, n, ids.Receipt(n), back, err)
		}
	})
}
