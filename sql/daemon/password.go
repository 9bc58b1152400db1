package daemon

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Password is the server's password, made at the first start and kept beside its data. A
// loopback port is open to every user of the machine, and who may talk to a database as its
// owner may run programs as its user.
func (p Place) Password() (string, error) {
	path := p.File("password")
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the server's password: %w", err)
	}
	made := rand.Text()
	return made, p.As.WriteFile(path, []byte(made+"\n"))
}
