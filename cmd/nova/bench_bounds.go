package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

const (
	// nodeShare is the part of a processor, in percent, that a node gets where nodes are compared: little enough that
	// PostgreSQL and the load generator keep up with two.
	nodeShare = 35
	// boundPeriod is how often a share is handed out, in microseconds: short, so that nobody waits long for the next.
	boundPeriod = 10_000
	// controlGroups is where Linux shows its control groups.
	controlGroups = "/sys/fs/cgroup"
)

// bound keeps a process to a share of a processor, as a machine of its own would, with Linux's control groups of either
// version (Documentation/admin-guide/cgroup-v2.rst, cpu.max; cgroup-v1, cfs_quota_us). unbind lets it go.
func bound(pid int) (unbind func() error, err error) {
	name := "nova-bench-" + strconv.Itoa(pid)
	root, settings := filepath.Join(controlGroups, "cpu"), map[string]string{
		"cpu.cfs_period_us": strconv.Itoa(boundPeriod),
		"cpu.cfs_quota_us":  strconv.Itoa(boundPeriod * nodeShare / 100),
	}
	if _, err := os.Stat(filepath.Join(controlGroups, "cgroup.controllers")); err == nil {
		root, settings = controlGroups, map[string]string{
			"cpu.max": fmt.Sprintf("%d %d", boundPeriod*nodeShare/100, boundPeriod),
		}
	}
	dir := filepath.Join(root, name)
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // the kernel's own files, which all may read
		return nil, fmt.Errorf("make a control group: %w", err)
	}
	unbind = func() error {
		return errors.Join(
			os.WriteFile(filepath.Join(root, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0), os.Remove(dir))
	}
	settings["cgroup.procs"] = strconv.Itoa(pid)
	for file, value := range settings {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(value), 0); err != nil {
			return nil, errors.Join(fmt.Errorf("bound process %d: %w", pid, err), unbind())
		}
	}
	return unbind, nil
}

// boundNodes keeps nodes to their shares, and tells under which condition they are compared.
func (l *ledgerBench) boundNodes(nodes ...*measuredServer) (condition string, unbind func() error) {
	var all []func() error
	unbind = func() error {
		var errs []error
		for _, one := range all {
			errs = append(errs, one())
		}
		return errors.Join(errs...)
	}
	for _, node := range nodes {
		one, err := bound(node.process.PID())
		if err != nil {
			l.say("  nodes are not bounded: %v", err)
			return "; nodes share the processors", unbind
		}
		all = append(all, one)
	}
	return fmt.Sprintf("; each node kept to %d%% of a processor, as a machine of its own would", nodeShare), unbind
}
