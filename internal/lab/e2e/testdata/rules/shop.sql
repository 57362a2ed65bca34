CREATE SCHEMA shop;
CREATE TABLE shop.customers (openid text PRIMARY KEY, name text NOT NULL);
CREATE TABLE shop."Orders" ("orderNo" text PRIMARY KEY, "buyerOpenid" text NOT NULL REFERENCES shop.customers, "Kind" text NOT NULL, "to" text NOT NULL, goods text NOT NULL, "Amount" numeric(12,4) NOT NULL, "Balance" numeric(12,4), "State" text NOT NULL DEFAULT 'new', "updatedAt" timestamptz NOT NULL DEFAULT now());
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW."updatedAt" := now(); NEW.goods := btrim(NEW.goods); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON shop."Orders" FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TABLE shop.refunds (id bigint PRIMARY KEY, buyer_openid text NOT NULL, goods text NOT NULL, amount numeric(10,2) NOT NULL, state text NOT NULL DEFAULT 'asked', note text, notify boolean NOT NULL DEFAULT false);
CREATE TABLE shop.shipments (id bigint NOT NULL, shipped_on date NOT NULL, buyer text NOT NULL, goods text NOT NULL, fee numeric(10,2) NOT NULL, "Status" text NOT NULL DEFAULT 'packed', PRIMARY KEY (id, shipped_on)) PARTITION BY RANGE (shipped_on);
CREATE TABLE shop.shipments_2026_10 PARTITION OF shop.shipments FOR VALUES FROM ('2026-10-01') TO ('2026-11-01');
CREATE TABLE shop."shipments 2026-11" PARTITION OF shop.shipments FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
