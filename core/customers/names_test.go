package customers_test

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
)

func TestParseName(t *testing.T) {
	rows := []struct{ name, typed, want string }{
		{"as written", "Marcia", "Marcia"},
		{"small letters", "marcia", "Marcia"},
		{"capitals", "MARCIA", "Marcia"},
		{"its owner's own capitals", "McDonald", "McDonald"},
		{"an apostrophe", "o'neal", "O'Neal"},
		{"a curly apostrophe", "O’Neal", "O'Neal"},
		{"a hyphen", "JEAN-PIERRE", "Jean-Pierre"},
		{"several words", "  anna   maria ", "Anna Maria"},
		{"accents", "ÉLODIE", "Élodie"},
		{"an initial", "J. R.", "J. R."},
		{"one letter", "X", "X"},
		{"nothing", " ", ""},
		{"digits", "R2D2", ""},
		{"a mark first", "-Anna", ""},
		{"two marks", "A--B", ""},
		{"a menu's key", "1", ""},
		{"too long", "Abcdefghijklmnopqrstuvwxyzabcdefghijklmn", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := customers.ParseName(row.typed)
			if row.want == "" {
				require.True(t, fault.Is(err, fault.ValidationError), "ParseName(%q) = %q, %v", row.typed, got, err)
				require.Contains(t, fault.From(err).Fields, "name")
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.want, got)
		})
	}
}

func TestShownName(t *testing.T) {
	rows := []struct{ first, last, want string }{
		{"Andre", "Clarke", "Andre C."},
		{"ANDRE", "clarke", "Andre C."},
		{"Andre", "", "Andre"},
		{"Maximiliana-Josephina", "Brathwaite", "Maximiliana-Josep B."},
		{"Abcdefghijklmnop Qrs", "Brathwaite", "Abcdefghijklmnop B."},
		{"Élodie", "Ünal", "Élodie Ü."},
	}
	for _, row := range rows {
		require.Equal(t, row.want, customers.ShownName(row.first, row.last))
	}
}

func TestShownNameNeverPassesTwentyCharacters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shown := customers.ShownName(rapid.String().Draw(t, "first"), rapid.String().Draw(t, "last"))
		if n := utf8.RuneCountInString(shown); n > 20 {
			t.Fatalf("%q has %d characters", shown, n)
		}
	})
}

func TestParseBirthDate(t *testing.T) {
	const today clock.Day = "2026-11-21"
	rows := []struct {
		name, typed string
		want        clock.Day
	}{
		{"eight digits", "14031985", "1985-03-14"},
		{"slashes", "14/03/1985", "1985-03-14"},
		{"dashes and single digits", "4-3-1985", "1985-03-04"},
		{"spaces", "14 03 1985", "1985-03-14"},
		{"a leap day", "29022000", "2000-02-29"},
		{"sixteen today", "21112010", "2010-11-21"},
		{"sixteen tomorrow", "22112010", ""},
		{"no leap day", "29022001", ""},
		{"month thirteen", "01131985", ""},
		{"the year first", "19850314", ""},
		{"tomorrow", "22112026", ""},
		{"121 years ago", "20111905", ""},
		{"two-digit year", "140385", ""},
		{"text", "yesterday", ""},
		{"nothing", "", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := customers.ParseBirthDate(row.typed, today)
			if row.want == "" {
				require.True(t, fault.Is(err, fault.ValidationError), "ParseBirthDate(%q) = %q, %v", row.typed, got, err)
				require.Contains(t, fault.From(err).Fields, "birth_date")
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.want, got)
		})
	}
}

func TestParseIDNumber(t *testing.T) {
	rows := []struct{ name, typed, want string }{
		{"digits", "8503140011", "8503140011"},
		{"with its hyphen", "850314-0011", "8503140011"},
		{"a passport", "ab 123456", "AB123456"},
		{"too short", "123", ""},
		{"too long", "123456789012345678901", ""},
		{"other characters", "12#45", ""},
		{"zeros", "0000", ""},
		{"letters of another alphabet", "ПАСПОРТ", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := customers.ParseIDNumber(row.typed)
			if row.want == "" {
				require.True(t, fault.Is(err, fault.ValidationError), "ParseIDNumber(%q) = %q, %v", row.typed, got, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.want, got)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"Marcia", "o'neal", "14031985", "4/3/1985", "850314-0011", "ab 123", "", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if name, err := customers.ParseName(typed); err == nil {
			again, err := customers.ParseName(name)
			require.NoError(t, err, "ParseName(%q) = %q is no name", typed, name)
			require.Equal(t, name, again)
		}
		if number, err := customers.ParseIDNumber(typed); err == nil {
			again, err := customers.ParseIDNumber(number)
			require.NoError(t, err)
			require.Equal(t, number, again)
		}
		if day, err := customers.ParseBirthDate(typed, "2026-11-21"); err == nil {
			require.Equal(t, day, clock.DayOf(day.Start(time.UTC), time.UTC))
			require.Less(t, day, clock.Day("2010-11-22"))
		}
	})
}
