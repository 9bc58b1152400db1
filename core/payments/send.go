package payments

import (
	"context"

	"github.com/google/uuid"

	"nova/core/customers"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/core/transactions"
)

// SendOrder confirms a transfer between two customers.
type SendOrder struct {
	Order
	From, To uuid.UUID
	Amount   money.Amount
}

// QuoteSend prices a transfer and refuses beforehand what can be known: SAME_PARTIES, CUSTOMER_NOT_FOUND,
// ACCOUNT_FROZEN, ACCOUNT_CLOSED, LIMIT_EXCEEDED, INSUFFICIENT_FUNDS, MAX_BALANCE_EXCEEDED, and FORBIDDEN while money out
// waits.
func (s *Service) QuoteSend(ctx context.Context, from uuid.UUID, to msisdn.MSISDN, ask Ask) (Quote, error) {
	payee, err := s.payee(ctx, to)
	if err != nil {
		return Quote{}, err
	}
	if payee.ID == from {
		return Quote{}, sameParties()
	}
	payer, err := s.payer(ctx, from, customers.PayOut, ask.Channel)
	if err != nil {
		return Quote{}, err
	}
	d, err := s.send(payer, payee, ask)
	if err != nil {
		return Quote{}, err
	}
	return s.quote(ctx, d)
}

// Send moves the money of a confirmed transfer.
func (s *Service) Send(ctx context.Context, o SendOrder) (Receipt, error) {
	return s.run(ctx, func() (*deal, error) {
		payer, payee, err := s.pair(ctx, o.From, o.To, o.Channel)
		if err != nil {
			return nil, err
		}
		return s.send(payer, payee, o.ask(o.Amount))
	}, o.Order)
}

func (s *Service) send(payer, payee customers.Customer, ask Ask) (*deal, error) {
	d := s.newDeal(transactions.P2P, ask)
	d.from, d.to = customerParty(payer), customerParty(payee)
	d.limited, d.capped = d.from, &d.to
	d.proving, d.promisee = payer.Subject(), toldCustomer(payer)
	if err := s.price(d); err != nil {
		return nil, err
	}
	d.notices = []outbox.Notice{
		d.notice(NoticeSendPayer, toldCustomer(payer), payer.Wallet, map[string]string{
			"fee": d.fee(), "payee": d.to.Name, "payee_number": payee.MSISDN.Digits(),
		}),
		d.notice(NoticeSendPayee, toldCustomer(payee), payee.Wallet, map[string]string{
			"payer": d.from.Name, "payer_number": payer.MSISDN.Digits(),
		}),
		d.drawn(toldCustomer(payer), payer.Wallet),
		d.repaid(toldCustomer(payee), payee.Wallet),
	}
	return d, nil
}
