package bench

import (
	"context"
	"fmt"
)

// The trigger that one would write first.
const notifyTriggerSQL = `
CREATE FUNCTION bench_notify() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('bench', ''); RETURN NULL; END $$;
CREATE TRIGGER bench_notify AFTER INSERT ON subMsgList FOR EACH STATEMENT EXECUTE FUNCTION bench_notify();
ALTER TABLE subMsgList DISABLE TRIGGER bench_notify`

// inserts commits one row a transaction. The limit has the triggers disabled and no consumer.
func (l suite) inserts(ctx context.Context) ([]Line, error) {
	var lines []Line
	err := l.withFake(ctx, 0, func(f *fake, d workload) error {
		if err := d.exec(ctx, notifyTriggerSQL); err != nil {
			return err
		}
		for _, clients := range []int{1, 8, maxClients} {
			name := fmt.Sprintf("inserts, clients: %d", clients)
			m, err := l.turns(ctx, name,
				side{"limit", d.inserting(clients, `ALTER TABLE subMsgList DISABLE TRIGGER USER`)},
				side{"submsg's triggers", d.inserting(clients, `ALTER TABLE subMsgList DISABLE TRIGGER bench_notify`)},
				side{"submsg serving",
					func(ctx context.Context) ([]float64, error) { return d.insertingServed(ctx, f, clients) }},
				side{"a plain NOTIFY trigger",
					d.inserting(clients, `ALTER TABLE subMsgList DISABLE TRIGGER USER, ENABLE TRIGGER bench_notify`)})
			if err != nil {
				return err
			}
			var goal *Goal
			if clients == maxClients {
				goal = ratioAtLeast(0.90)
			}
			limit := m[0][0]
			lines = append(lines,
				compare(name+", flag as if awake", PerSecond, m[1][0], limit, goal),
				compare(name+", serving", PerSecond, m[2][0], limit, goal),
				compare(name+", a plain NOTIFY trigger", PerSecond, m[3][0], limit, nil))
		}
		return nil
	})
	return lines, err
}

// inserting has no consumer; alter says which triggers there are. submsg's see the flag of a consumer that is awake.
func (d workload) inserting(clients int, alter string) func(context.Context) ([]float64, error) {
	return func(ctx context.Context) ([]float64, error) {
		if err := d.clear(ctx); err != nil {
			return nil, err
		}
		if err := d.exec(ctx, alter); err != nil {
			return nil, err
		}
		rows, took, err := d.load(ctx, clients, until(d.cfg.Scale.InsertFor))
		return rate(rows, took), err
	}
}

// insertingServed has a consumer that sends what is inserted, wakes and sleeps as it likes, and takes its share of the
// machine.
func (d workload) insertingServed(ctx context.Context, f *fake, clients int) (out []float64, err error) {
	if err := d.clear(ctx); err != nil {
		return nil, err
	}
	if err := d.exec(ctx, `ALTER TABLE subMsgList DISABLE TRIGGER bench_notify`); err != nil {
		return nil, err
	}
	book, err := f.ledger(ctx)
	if err != nil {
		return nil, err
	}
	err = d.serve(ctx, f, false, func(*child) error {
		rows, took, err := d.load(ctx, clients, until(d.cfg.Scale.InsertFor))
		out = rate(rows, took)
		return err
	})
	if err != nil {
		return nil, err
	}
	settled, err := d.settled(ctx)
	if err != nil {
		return nil, err
	}
	return out, book.balance(ctx, settled)
}
