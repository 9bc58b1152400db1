package payments

import (
	"context"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/customers"
	"nova/core/money"
	"nova/core/outbox"
	"nova/core/transactions"
)

// PayOrder confirms a payment to a merchant.
type PayOrder struct {
	Order
	From, Merchant uuid.UUID
	Amount         money.Amount
}

// QuotePay prices a payment at a till. Errors: NOT_FOUND on till, ACCOUNT_FROZEN, ACCOUNT_CLOSED, LIMIT_EXCEEDED,
// INSUFFICIENT_FUNDS, and FORBIDDEN while money out waits.
func (s *Service) QuotePay(ctx context.Context, from uuid.UUID, till string, ask Ask) (Quote, error) {
	merchant, err := s.agents.MerchantByTill(ctx, till)
	if err != nil {
		return Quote{}, err
	}
	payer, err := s.payer(ctx, from, customers.PayOut, ask.Channel)
	if err != nil {
		return Quote{}, err
	}
	d, err := s.pay(payer, merchant, ask)
	if err != nil {
		return Quote{}, err
	}
	return s.quote(ctx, d)
}

// Pay moves the money of a confirmed payment.
func (s *Service) Pay(ctx context.Context, o PayOrder) (Receipt, error) {
	return s.run(ctx, func() (*deal, error) {
		payer, err := s.payer(ctx, o.From, customers.PayOut, o.Channel)
		if err != nil {
			return nil, err
		}
		merchant, err := s.agents.MerchantByID(ctx, o.Merchant)
		if err != nil {
			return nil, err
		}
		return s.pay(payer, merchant, o.ask(o.Amount))
	}, o.Order)
}

func (s *Service) pay(payer customers.Customer, merchant agents.Merchant, ask Ask) (*deal, error) {
	if err := merchant.Usable(); err != nil {
		return nil, onPayee(err)
	}
	d := s.newDeal(transactions.MerchantPayment, ask)
	d.from, d.to = customerParty(payer), merchantParty(merchant)
	d.limited = d.from
	d.proving, d.promisee = payer.Subject(), toldCustomer(payer)
	if err := s.price(d); err != nil {
		return nil, err
	}
	d.notices = []outbox.Notice{
		d.notice(NoticePayPayer, toldCustomer(payer), payer.Wallet, map[string]string{
			"fee": d.fee(), "payee": d.to.Name, "till": merchant.Till,
		}),
		d.drawn(toldCustomer(payer), payer.Wallet),
	}
	return d, nil
}
