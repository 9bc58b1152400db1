-- +goose Up

-- Savings products: what people may save in. What one costs and earns stands in its terms.
create table savings_products (
    id         uuid primary key,
    created_at timestamptz not null,
    currency   char(3)     not null,
    code       text        not null,
    name       text        not null,
    constraint savings_products_code unique (code)
);

-- The terms of a product from a day on, until the next ones'. tiers is a list of slices of the balance with rates of
-- their own, as JSON; annual_rate_bps is for what no slice covers.
create table savings_terms (
    product_id      uuid        not null references savings_products (id),
    minimum         bigint      not null check (minimum >= 0),
    made_at         timestamptz not null,
    from_day        date        not null,
    annual_rate_bps integer     not null check (annual_rate_bps between 0 and 10000),
    tiers           text        not null default '[]',
    made_by         text        not null default '',
    constraint savings_terms_day primary key (product_id, from_day)
);

-- A customer's savings account. minimum is what must stay on it, as it was agreed when the account was made; hold_id is
-- the hold that keeps it there from the first deposit on.
create table savings_accounts (
    account_id  uuid primary key references accounts (id),
    customer_id uuid        not null references customers (id),
    product_id  uuid        not null references savings_products (id),
    hold_id     uuid        not null,
    minimum     bigint      not null check (minimum >= 0),
    made_at     timestamptz not null,
    constraint savings_accounts_customer unique (customer_id)
);

-- What an account may owe, and on what terms. What it owes stands on the receivable.
create table overdraft_lines (
    account_id      uuid primary key references accounts (id),
    receivable_id   uuid        not null references accounts (id),
    customer_id     uuid references customers (id),
    credit_limit    bigint      not null check (credit_limit >= 0),
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    expires_at      timestamptz not null,
    fee_bps         integer     not null check (fee_bps between 0 and 10000),
    annual_rate_bps integer     not null check (annual_rate_bps between 0 and 10000),
    currency        char(3)     not null,
    status          text        not null check (status in ('active', 'suspended', 'expired', 'closed')),
    made_by         text        not null default '',
    constraint overdraft_lines_receivable unique (receivable_id)
);

create index overdraft_lines_due on overdraft_lines (expires_at) where status = 'active';

-- The rate of a line from a day on, until the next one's.
create table overdraft_rates (
    account_id      uuid    not null references overdraft_lines (account_id),
    from_day        date    not null,
    annual_rate_bps integer not null check (annual_rate_bps between 0 and 10000),
    primary key (account_id, from_day)
);

-- Accounts that bear interest: savings, which is paid it, and receivables, which are charged it. accrued_to is the last
-- day that has accrued, posted_to the last month (its first day) whose interest is computed.
create table interest_accounts (
    account_id uuid primary key references accounts (id),
    accrued_to date not null,
    posted_to  date not null,
    kind       text not null check (kind in ('savings', 'overdraft'))
);

create index interest_accounts_due on interest_accounts (accrued_to, account_id);
create index interest_accounts_unposted on interest_accounts (posted_to, account_id);

-- What a day earned: minor units of the closing balance times basis points, of each slice; 3,650,000 of these units are
-- one minor unit of interest. A day on which nothing was earned has no row.
create table interest_days (
    account_id uuid    not null references interest_accounts (account_id),
    balance    bigint  not null,
    day        date    not null,
    units      numeric not null check (units > 0),
    constraint interest_days_once primary key (account_id, day)
);

create trigger interest_days_stay before update or delete on interest_days for each row execute function refuse_change();
create trigger interest_days_stay_whole before truncate on interest_days
    for each statement execute function refuse_change();

-- A month's interest: units are those of its days and what the month before left over; minor is what they make, and
-- left what they leave over. posted_at is null until it is in the ledger.
create table interest_months (
    account_id uuid        not null references interest_accounts (account_id),
    posting_id uuid        not null,
    minor      bigint      not null check (minor >= 0),
    due_at     timestamptz not null,
    posted_at  timestamptz,
    month      date        not null,
    tries      integer     not null default 0,
    units      numeric     not null check (units >= 0),
    leftover   numeric     not null check (leftover between 0 and 3649999),
    constraint interest_months_once primary key (account_id, month)
);

create index interest_months_due on interest_months (due_at) where posted_at is null;

-- +goose Down
drop table interest_months, interest_days, interest_accounts, overdraft_rates, overdraft_lines, savings_accounts,
    savings_terms, savings_products;
