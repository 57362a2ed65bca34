package settings

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ParseURL reads a URL that may hold settings of a pool, which a server wouldn't understand.
func ParseURL(url string) (*pgx.ConnConfig, error) {
	cfg, err := parse(url)
	if err != nil {
		return nil, err
	}
	return cfg.ConnConfig, nil
}

// What is wrong with a database's URL. The errors say no more than this: the driver's own repeat parts of the URL, and
// where a URL is wrong nobody knows which part is the password.
var (
	errStranded = errors.New("there is an @ behind the host: in a URL, write the @ of a password as %40 and its / as " +
		"%2F, or give the password in PGPASSWORD")
	errKeyword = errors.New("a keyword is none: keywords are small letters, and a value with a space in it stands " +
		"in quotes, password='two words'")
	errUnread = errors.New("it is neither a URL, postgres://user:password@host/database, nor a list of keywords, " +
		"host=… dbname=…")
	mistakes = []struct {
		head string // how the driver's message begins
		says error
	}{
		{"failed to parse as URL", errors.New("it is not a URL as in postgres://user:password@host:port/database: " +
			"special characters stand there as %XX, or the password in PGPASSWORD")},
		{"failed to parse as keyword/value", errUnread},
		{"failed to read service", errors.New("its service can't be read: PGSERVICE or service= names it, " +
			"PGSERVICEFILE its file")},
		{"failed to configure TLS", errors.New("its TLS settings can't be used: see sslmode, sslrootcert, sslcert, " +
			"sslkey and sslpassword, and whether their files can be read")},
		{"could not match", errors.New("it has not one port for each host")},
		{"invalid port", errors.New("its port is not a number up to 65535: in a URL, special characters of a " +
			"password stand as %XX")},
	}

	// parameters are those whose values the driver checks.
	parameters = strings.Fields(`connect_timeout sslcertmode target_session_attrs min_protocol_version
		max_protocol_version channel_binding require_auth statement_cache_capacity description_cache_capacity
		default_query_exec_mode pool_max_conns pool_min_conns pool_min_idle_conns pool_max_conn_lifetime_jitter
		pool_max_conn_lifetime pool_max_conn_idle_time pool_health_check_period pool_ping_timeout`)
)

// keyword is the name of a parameter of the server, as the driver hands them on.
var keyword = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

func parse(url string) (*pgxpool.Config, error) {
	if stranded(url) {
		return nil, errStranded
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, mistake(err)
	}
	for name := range cfg.ConnConfig.RuntimeParams {
		// The server repeats a name that it doesn't know, and that may be a piece of a password.
		if lower := strings.ToLower(name); !keyword.MatchString(name) || strings.HasSuffix(lower, "password") ||
			lower != name && slices.Contains([]string{"host", "port", "user", "dbname", "database"}, lower) {
			return nil, errKeyword
		}
	}
	return cfg, nil
}

// stranded tells whether a URL has an @ that ends no user and password: what stands before it was meant to be one, and
// would be taken for a host or a database, which errors name.
func stranded(url string) bool {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok || scheme != "postgres" && scheme != "postgresql" {
		return false
	}
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		rest = rest[i+1:]
	}
	return strings.Contains(rest, "@")
}

// mistake is the sentence that says what the driver says, of whose message only the beginning is looked at.
func mistake(err error) error {
	failed := new(pgconn.ParseConfigError)
	if !errors.As(err, &failed) {
		return errUnread
	}
	bare := *failed
	bare.ConnString = "" // so that nothing of it is in the message
	said := strings.TrimPrefix(bare.Error(), "cannot parse ``: ")
	for _, m := range mistakes {
		if strings.HasPrefix(said, m.head) {
			return m.says
		}
	}
	head := said[:strings.IndexAny(said+":", ":(")]
	for _, name := range parameters {
		if strings.Contains(head, name) {
			return badParameter(name)
		}
	}
	return errUnread
}

func badParameter(name string) error {
	return fmt.Errorf("its %s has a value that can't be used", name)
}

// hideParameters leaves out what a server says of parameters that it doesn't take: it repeats their names and values
// (SQLSTATE 42704, 22023, 42601; 08P01 of a pooler), among which a piece of an unquoted password may be.
func hideParameters(err error) error {
	pg := new(pgconn.PgError)
	if !errors.As(err, new(*pgconn.ConnectError)) || !errors.As(err, &pg) ||
		!slices.Contains([]string{"42704", "22023", "42601", "08P01"}, pg.Code) {
		return err
	}
	return fmt.Errorf("the server refuses a parameter of the connection (SQLSTATE %s): see what DATABASE_URL, "+
		"SUBMSG_LISTEN_URL and PGOPTIONS set beside host, user, password and database", pg.Code)
}
