package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
)

// ciVariable is set where nothing may be skipped.
const ciVariable = "CI"

// browsers are the names that Chromium goes by.
var browsers = []string{"chromium", "chromium-browser", "google-chrome"}

// testTools are what only tests need: installed where they are asked for by name.
var testTools = []requirement{
	{
		name: "chromium", packages: "chromium",
		missing: func() bool { return !slices.ContainsFunc(browsers, installed) },
	},
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// wantedTools lists the tools that are named, and missing.
func wantedTools(names []string) []requirement {
	return slices.DeleteFunc(slices.Clone(testTools), func(r requirement) bool {
		return !slices.Contains(names, r.name) || !r.missing()
	})
}

// installTools installs what only tests need, each by itself, so that none takes another with it.
// Where one cannot be had a person is told and goes on, for its tests are skipped then; in CI,
// where nothing is skipped, that is an error.
func installTools(ctx context.Context, list []requirement, out io.Writer) error {
	for _, r := range list {
		err := errors.New("there is no apt-get here that would install it")
		if installed("apt-get") {
			err = install(ctx, []requirement{r}, out)
		}
		if err != nil && (ctx.Err() != nil || os.Getenv(ciVariable) != "") {
			return err
		}
		if err != nil {
			sayTo(out)("going on without %s, and without the tests that need it: %v", r.name, err)
		}
	}
	return nil
}
