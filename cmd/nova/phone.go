package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nova/core/msisdn"
)

const (
	// usageStatus is the exit status of a call that makes no sense.
	usageStatus = 2
	// callTime bounds one call: longer than any gateway waits.
	callTime = 15 * time.Second
)

// phoneOptions are the flags.
type phoneOptions struct {
	server, gateway, token, msisdn, dial, keys string
}

func phoneCommand() *cobra.Command {
	var o phoneOptions
	phone := &cobra.Command{
		Use:   "phone",
		Short: "A handset in this terminal, for a running server",
		Long: `A handset in this terminal, for a running server. It calls as a gateway does.

Type what a person would. Besides:
  :drop   hang up        :again  the gateway delivers the last hop again
  :quit   put it away

With --keys it types those and leaves: with status 0 when the dialogue ended or the last key was answered, 1 when a
call was refused or failed, 2 when it was called wrongly.`,
		Example: `  nova phone --msisdn +12462501001
  nova phone --msisdn +12462501001 --dial '*123#' --keys 1,2462501002,50,1357`,
		Args: func(cmd *cobra.Command, args []string) error {
			return usage(cobra.NoArgs(cmd, args))
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := newHandset(o, cmd.OutOrStdout())
			if err != nil {
				return usage(err)
			}
			if cmd.Flags().Changed("keys") {
				return h.script(cmd.Context(), strings.Split(o.keys, ","))
			}
			return h.interact(cmd.Context(), cmd.InOrStdin())
		},
	}
	flags := phone.Flags()
	flags.StringVar(&o.server, "server", "127.0.0.1:8080", "the server's address")
	flags.StringVar(&o.gateway, "gateway", "africastalking", "how to call it: africastalking or native")
	flags.StringVar(&o.token, "token", "demo", "the path token, or with native the bearer token")
	flags.StringVar(&o.msisdn, "msisdn", "+12462501001", "this handset's number")
	flags.StringVar(&o.dial, "dial", "*123#", "what it dials")
	flags.StringVar(&o.keys, "keys", "", "type these, separated by commas, and leave")
	phone.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	return phone
}

// usage gives an error the exit status of a wrong call.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return exitError{code: usageStatus, err: err}
}

// handset is one telephone on one line.
type handset struct {
	line phoneLine
	out  io.Writer
	dial string
	// shown is the screen on display; open tells that it takes an answer.
	shown screen
	open  bool
}

// newHandset checks the options.
func newHandset(o phoneOptions, out io.Writer) (*handset, error) {
	if _, err := msisdn.FromNetwork(o.msisdn); err != nil {
		return nil, errors.New("--msisdn takes a number with its country code, such as +12462501001")
	}
	if strings.Trim(o.dial, "*#0123456789") != "" || strings.Trim(o.dial, "*#") == "" {
		return nil, errors.New("--dial takes a short code, such as '*123#'")
	}
	base := o.server
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	server, err := url.Parse(base)
	if err != nil || server.Host == "" {
		return nil, errors.New("--server takes an address, such as 127.0.0.1:8080")
	}
	call, ok := gatewayCalls[o.gateway]
	if !ok {
		return nil, errors.New("--gateway takes africastalking or native")
	}
	return &handset{
		out: out, dial: o.dial,
		line: phoneLine{call: call, server: strings.TrimSuffix(base, "/"), token: o.token, msisdn: o.msisdn},
	}, nil
}

// script types the keys and shows each screen.
func (h *handset) script(ctx context.Context, keys []string) error {
	if err := h.begin(ctx, h.dial); err != nil {
		return exitError{code: 1, err: err}
	}
	for _, key := range keys {
		if !h.open {
			return nil
		}
		h.echo(key)
		if err := h.press(ctx, key); err != nil {
			return exitError{code: 1, err: err}
		}
	}
	return nil
}

// echo shows a key as it is typed, but for a PIN.
func (h *handset) echo(key string) {
	if h.shown.asksPIN() {
		key = strings.Repeat("*", len(key))
	}
	h.say("> " + key)
}

// say writes a line. A terminal that is gone needs none.
func (h *handset) say(text string) { _, _ = fmt.Fprintln(h.out, text) }

func (h *handset) begin(ctx context.Context, dialled string) error {
	h.dial = dialled
	h.line.dial(dialled)
	return h.call(ctx)
}

func (h *handset) press(ctx context.Context, key string) error {
	h.line.inputs = append(h.line.inputs, key)
	return h.call(ctx)
}

// call tells the line's present hop and shows what comes back. A call that fails
// leaves the dialogue as it is: ":again" may mend it.
func (h *handset) call(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	s, err := h.line.tell(ctx)
	if err != nil {
		return err
	}
	h.shown, h.open = s, !s.end
	h.say(s.draw())
	return nil
}

// commands of the person at the terminal.
const (
	hangUp     = ":drop"
	redeliver  = ":again"
	putAway    = ":quit"
	allCommand = hangUp + ", " + redeliver + ", " + putAway
)

// interact is the loop of an evening with a handset.
func (h *handset) interact(ctx context.Context, in io.Reader) error {
	lines, terminal := readLines(ctx, in), terminalOf(in)
	h.try(h.begin(ctx, h.dial))
	for {
		h.prompt()
		secret := h.open && h.shown.asksPIN()
		if secret {
			terminal.echo(ctx, false)
		}
		typed, ok := next(ctx, lines)
		if secret {
			// ctx may have ended; the terminal is needed after us.
			terminal.echo(context.WithoutCancel(ctx), true)
			h.say("")
		}
		if !ok || typed == putAway {
			return nil
		}
		h.obey(ctx, typed)
	}
}

func (h *handset) prompt() {
	text := "> "
	if !h.open {
		text = "dial [" + h.dial + "] "
	}
	_, _ = io.WriteString(h.out, text) // as in say
}

// obey does what a line says.
func (h *handset) obey(ctx context.Context, typed string) {
	switch {
	case typed == hangUp:
		h.open = false
		h.try(h.line.hangUp(ctx))
	case typed == redeliver:
		h.try(h.call(ctx))
	case strings.HasPrefix(typed, ":"):
		h.say("There are " + allCommand + ".")
	case h.open:
		h.try(h.press(ctx, typed))
	case typed == "":
		h.try(h.begin(ctx, h.dial))
	default:
		h.try(h.begin(ctx, typed))
	}
}

// try tells of a failure and goes on: so does a person.
func (h *handset) try(err error) {
	if err != nil {
		h.say("! " + err.Error())
	}
}

// readLines reads in the background, so that Ctrl-C ends the wait for a line.
func readLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			select {
			case lines <- strings.TrimRight(scanner.Text(), "\r"):
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

func next(ctx context.Context, lines <-chan string) (string, bool) {
	select {
	case typed, ok := <-lines:
		return typed, ok
	case <-ctx.Done():
		return "", false
	}
}

// terminal is where a person types; the zero value is a pipe or a file.
type terminal struct{ file *os.File }

func terminalOf(in io.Reader) terminal {
	file, ok := in.(*os.File)
	if !ok {
		return terminal{}
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return terminal{}
	}
	return terminal{file: file}
}
