package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxScreenAnswer bounds what is read of an answer: a screen and its envelope.
const maxScreenAnswer = 64 << 10

// phoneLine is a handset's connection: the dialogue as its gateway knows it.
type phoneLine struct {
	call                  gatewayCall
	server, token, msisdn string

	session, dialled string
	inputs           []string
}

// gatewayCall is how a gateway expresses a hop and reads the answer.
type gatewayCall struct {
	// hop asks for the present hop, hangUp tells that the person is gone.
	hop, hangUp func(ctx context.Context, l *phoneLine) (*http.Request, error)
	read        func(body []byte) (screen, error)
}

// gatewayCalls are the gateways that the handset can stand in for.
var gatewayCalls = map[string]gatewayCall{
	"africastalking": {hop: atHop, hangUp: atEvent, read: atScreen},
	"native":         {hop: nativeHop, hangUp: nativeCancel, read: nativeScreen},
}

// dial begins another dialogue.
func (l *phoneLine) dial(dialled string) {
	l.session, l.dialled, l.inputs = "phone-"+rand.Text(), dialled, nil
}

// tell makes the call of the present hop. Made again, it is the hop delivered again.
func (l *phoneLine) tell(ctx context.Context) (screen, error) {
	request, err := l.call.hop(ctx, l)
	if err != nil {
		return screen{}, err
	}
	body, err := answered(request)
	if err != nil {
		return screen{}, err
	}
	return l.call.read(body)
}

func (l *phoneLine) hangUp(ctx context.Context) error {
	request, err := l.call.hangUp(ctx, l)
	if err != nil {
		return err
	}
	_, err = answered(request)
	return err
}

// answered makes a call and wants 200.
func answered(request *http.Request) ([]byte, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its text has the path, and so the token
			err = u.Err
		}
		return nil, fmt.Errorf("call %s: %w", request.URL.Host, err)
	}
	defer func() { _ = response.Body.Close() }() // read as far as it is wanted
	body, err := io.ReadAll(io.LimitReader(response.Body, maxScreenAnswer))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", request.URL.Host, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s %s", response.Status, bytes.TrimSpace(body))
	}
	return body, nil
}

func post(ctx context.Context, address, kind, body string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call the server: %w", err)
	}
	request.Header.Set("Content-Type", kind)
	return request, nil
}

// Africa's Talking: a form with all inputs so far.

func (l *phoneLine) atAddress() string {
	return l.server + "/ussd/africastalking/" + url.PathEscape(l.token)
}

func (l *phoneLine) atForm() url.Values {
	return url.Values{
		"sessionId": {l.session}, "phoneNumber": {l.msisdn}, "serviceCode": {l.dialled}, "networkCode": {"99999"},
	}
}

func atHop(ctx context.Context, l *phoneLine) (*http.Request, error) {
	form := l.atForm()
	form.Set("text", strings.Join(l.inputs, "*"))
	return post(ctx, l.atAddress(), "application/x-www-form-urlencoded", form.Encode())
}

// atEvent is what Africa's Talking tells of a person who hung up.
func atEvent(ctx context.Context, l *phoneLine) (*http.Request, error) {
	form := l.atForm()
	form.Set("status", "Incomplete")
	return post(ctx, l.atAddress()+"/events", "application/x-www-form-urlencoded", form.Encode())
}

func atScreen(body []byte) (screen, error) {
	verb, text, _ := strings.Cut(string(body), " ")
	if verb != "CON" && verb != "END" {
		return screen{}, errors.New("the answer begins with neither CON nor END")
	}
	return screen{text: text, end: verb == "END"}, nil
}

// Native: JSON with this screen's input and a counter.

func nativeHop(ctx context.Context, l *phoneLine) (*http.Request, error) {
	if len(l.inputs) == 0 {
		return l.nativeCall(ctx, "begin", "")
	}
	return l.nativeCall(ctx, "continue", l.inputs[len(l.inputs)-1])
}

func nativeCancel(ctx context.Context, l *phoneLine) (*http.Request, error) {
	return l.nativeCall(ctx, "cancel", "")
}

func (l *phoneLine) nativeCall(ctx context.Context, kind, input string) (*http.Request, error) {
	body, err := json.Marshal(map[string]any{
		"session_id": l.session, "msisdn": l.msisdn, "service_code": l.dialled, "type": kind, "input": input,
		"sequence": len(l.inputs) + 1,
	})
	if err != nil {
		return nil, fmt.Errorf("call the server: %w", err)
	}
	request, err := post(ctx, l.server+"/v1/ussd/session", "application/json", string(body))
	if err == nil {
		request.Header.Set("Authorization", "Bearer "+l.token)
	}
	return request, err
}

func nativeScreen(body []byte) (screen, error) {
	var out struct{ Action, Message string }
	if err := json.Unmarshal(body, &out); err != nil || out.Action == "" {
		return screen{}, errors.New("the answer is not a screen")
	}
	return screen{text: out.Message, end: out.Action == "end"}, nil
}
