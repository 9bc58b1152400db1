-- +goose Up

-- Housekeeping, not a rule of money: a range of entries is left out of a search by time once the index has a summary of it,
-- and PostgreSQL makes summaries a minute late. This makes those of the newest month, and tells how many. It runs with its
-- owner's rights, as entries_make_month does.
-- +goose StatementBegin
create or replace function entries_summarize(month date) returns bigint language plpgsql
    security definer set search_path from current as $$
declare
    part    text   := 'entries_' || to_char(month, '"y"YYYY"m"MM');
    made    bigint := 0;
    summary regclass;
begin
    for summary in
        select i.indexrelid::regclass
        from pg_index i join pg_inherits h on h.inhrelid = i.indexrelid
        where h.inhparent = 'entries_time'::regclass and i.indrelid in (to_regclass(part), 'entries_rest'::regclass)
    loop
        made := made + brin_summarize_new_values(summary);
    end loop;
    return made;
end
$$;
-- +goose StatementEnd

-- +goose Down
drop function if exists entries_summarize(date);
