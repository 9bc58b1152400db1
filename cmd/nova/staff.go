package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"nova/core/audit"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
)

func staffCommand() *cobra.Command {
	staff := &cobra.Command{Use: "staff", Short: "Let the first administrator in, or one who is locked out"}
	staff.AddCommand(staffAddCommand(), staffResetCommand())
	return staff
}

func staffAddCommand() *cobra.Command {
	var name string
	var roles []string
	add := &cobra.Command{
		Use:   "add EMAIL",
		Short: "Add a member of staff, by default an administrator; prints a password once",
		Long: `Adds a member of staff and prints a password that was made for them, once. They change it at their first sign-in, and then
enrol a second factor; until both are done their sign-in grants nothing. No secret is taken on the command line.

It is for the first administrator of an installation: whoever comes after is added by an administrator, over the API.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStaff(cmd.Context(), func(ctx context.Context, staff *identity.Staffing) error {
				member := identity.NewMember{Email: args[0], Name: name, Password: identity.IssuePassword(args[0])}
				for _, role := range roles {
					member.Roles = append(member.Roles, identity.Role(role))
				}
				added, err := staff.Create(ctx, member, atTheTerminal)
				return tellPassword(cmd, added, member.Password, err)
			})
		},
	}
	add.Flags().StringVar(&name, "name", "Administrator", "what colleagues call them")
	add.Flags().StringSliceVar(&roles, "roles", []string{string(identity.Admin)}, "operations, finance, compliance, support, admin")
	return add
}

func staffResetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reset EMAIL",
		Short: "Take the second factor of somebody who has lost it, and issue a password; prints it once",
		Long: `For an administrator whom no other administrator can help. Their sign-ins end; at the next one they change the password and
enrol a second factor, as at their first.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStaff(cmd.Context(), func(ctx context.Context, staff *identity.Staffing) error {
				member, err := staff.ByEmail(ctx, args[0])
				if err != nil {
					return inWords(err)
				}
				issued := identity.IssuePassword(member.Email)
				err = errors.Join(staff.ResetTOTP(ctx, member.ID, atTheTerminal), staff.ResetPassword(ctx, member.ID, issued, atTheTerminal))
				return tellPassword(cmd, member, issued, err)
			})
		},
	}
}

// atTheTerminal is who acts where a command does: whoever holds the database's password and the keys.
var atTheTerminal = identity.Via{Actor: audit.Nova, Channel: "terminal"}

func tellPassword(cmd *cobra.Command, m identity.Member, issued secret.Text, err error) error {
	if err != nil {
		return inWords(err)
	}
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s %s\npassword, shown once and changed at the first sign-in: %s\n", m.Subject(), m.Email, issued.Reveal())
	return nil
}

// inWords names the fields of a fault, whose code alone says little at a terminal.
func inWords(err error) error {
	f := fault.From(err)
	if fault.Ours(f) {
		return err
	}
	words := string(f.Code)
	for field, problem := range f.Fields {
		words += ": " + field + " " + problem
	}
	return errors.New(words)
}

// withStaff runs a command on the staff of the configured database, under its keys. No server need run.
func withStaff(ctx context.Context, do func(context.Context, *identity.Staffing) error) error {
	_, keyring, db, err := openKeyed(ctx)
	if err != nil {
		return err
	}
	signIns := identity.NewSignIns(identity.SignInOptions{
		DB: db, Tokens: identity.NewTokens(identity.TokenOptions{Clock: clock.System{}}), Clock: clock.System{},
	})
	staff, err := identity.NewStaffing(identity.StaffOptions{
		DB: db, Keyring: keyring, SignIns: signIns, Clock: clock.System{}, Issuer: staffIssuer,
	})
	if err == nil {
		err = do(ctx, staff)
	}
	return errors.Join(err, db.Close())
}
