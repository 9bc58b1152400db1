package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"nova/channels/ussd/native"
	"nova/configs"
	"nova/core/secret"
	"nova/sql/daemon"
)

// nodeNames are the two nodes of an arena, in schedules and logs.
var nodeNames = [2]string{"A", "B"}

// arena is a stage with two nodes on one database, all of which may be struck.
type arena struct {
	*stage
	nodes [2]*arenaNode
	token string
	// births: one process is started at a time, for a stage takes one at a time.
	births sync.Mutex
}

// arenaNode is a `nova serve` that is started again after it was killed.
type arenaNode struct {
	arena       *arena
	name        string
	addr, admin string
	// mu is held while the node is struck.
	mu     sync.Mutex
	server *measuredServer
}

// openArena starts the servers, makes the people and starts the nodes.
func openArena(ctx context.Context, c crowd, say daemon.Say) (_ *arena, err error) {
	s, err := openStage(ctx, serviceOptions{Say: say})
	if err != nil {
		return nil, err
	}
	a := &arena{stage: s}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if err := c.make(ctx, s); err != nil {
		return nil, err
	}
	if a.token, err = a.admit(ctx); err != nil {
		return nil, err
	}
	for i, name := range nodeNames {
		n := &arenaNode{arena: a, name: name}
		if n.addr, err = freeAddr(); err != nil {
			return nil, err
		}
		if n.admin, err = freeAddr(); err != nil {
			return nil, err
		}
		if err := n.start(ctx); err != nil {
			return nil, err
		}
		a.nodes[i] = n
	}
	return a, nil
}

// admit makes the gateway's client and its token.
func (a *arena) admit(ctx context.Context) (token string, err error) {
	p, err := a.parts(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	if err := (seedServices{Clients: p.clients, Scopes: []string{native.Scope}}).client(ctx); err != nil {
		return "", err
	}
	t, err := p.tokens.ClientCredentials(ctx, demoClient, secret.New(demoSecret))
	return t.Access.Reveal(), err
}

// birthPause is between two attempts to start a node whose database or Redis is away.
const birthPause = 100 * time.Millisecond

// start starts the node, however often that takes.
func (n *arenaNode) start(ctx context.Context) error {
	for {
		m, err := n.arena.serveNode(ctx, n)
		if err == nil {
			n.server = m
			return nil
		}
		reason := err.Error()
		n.arena.say("node %s does not start: %s", n.name, reason[strings.LastIndexByte(reason, '\n')+1:])
		if m != nil {
			_ = m.process.Stop(nil) // with SIGKILL; it has ended already, if it could
		}
		if idle(ctx, birthPause); ctx.Err() != nil {
			return fmt.Errorf("start node %s: %w", n.name, err)
		}
	}
}

func (a *arena) serveNode(ctx context.Context, n *arenaNode) (*measuredServer, error) {
	a.births.Lock()
	defer a.births.Unlock()
	return a.child(ctx, n.log(), n.addr, []string{"serve", "--roles", configs.RoleUSSD + "," + configs.RoleWorker}, []string{
		"NOVA_HTTP_ADDR=" + n.addr, "NOVA_ADMIN_ADDR=" + n.admin, "NOVA_DATA_DIR=" + a.dir, "NOVA_KEYS_DIR=" + a.config.KeysDir,
	})
}

// log is the name of the node's log in the stage's folder.
func (n *arenaNode) log() string { return "node-" + n.name + ".log" }

// data is the folder of a server's own files.
func (a *arena) data(server string) string { return filepath.Join(a.dir, server, "data") }

// keepLogs reads the logs of all servers, as far as they were started.
func (a *arena) keepLogs(into map[string][]byte) {
	for _, name := range []string{"node-A.log", "node-B.log", "postgres/log", "redis/log"} {
		if text, err := os.ReadFile(filepath.Join(a.dir, name)); err == nil {
			into[strings.ReplaceAll(name, "/", ".")] = text
		}
	}
}
