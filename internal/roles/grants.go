// Package roles says what each kind of user may do in the database: one table of grants, from which come the SQL that
// an administrator runs, the check of what a database really grants, and the tests that try every cell of it.
//
// The roles are groups that nobody logs in as. A login gets its rights by being a member of one. The package knows no
// login and no message. Begin at grants below; print.go makes the SQL, check.go compares.
package roles

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/migrations"
)

// The roles, named without their prefix.
const (
	app      = "app"
	worker   = "worker"
	admin    = "admin"
	readonly = "readonly"
	public   = "public" // Postgres's PUBLIC: everybody
	owner    = "owner"  // of the schema; it holds all rights, so the grants don't name it
)

var groups = []struct{ name, about string }{
	{app, "applications: insert messages, read nothing but ids"},
	{worker, "submsg serve: send and settle, never insert or change what a message says, delete only what is settled and a day old"},
	{admin, "people: read, edit, send again, cancel, delete; the triggers guard what they set"},
	{readonly, "dashboards and support: what happened, without who and what"},
}

// grant lets a role do one thing with a relation: with these columns, or with the whole.
type grant struct {
	role, verb, on string
	columns        []string
}

// What an application, or a person, says of a message. The rest is submsg's record of what became of it.
var business = []string{"openid", "templateId", "parameterArr", "sendAfter", "expireTime", "page", "dedupKey",
	"traceparent"}

const (
	messages = "subMsgList"
	pauses   = "subMsgPause"
	pace     = "subMsgPace"
	replicas = "subMsgReplica"
	living   = "subMsgLivingReplica"
	origin   = "subMsgOrigin"
	rules    = "subMsgRule"
	draft    = "subMsgRuleDraft"
	failures = "subMsgRuleError"
	held     = "subMsgHeld"
	catalog  = "subMsgTemplate"
	known    = "subMsgReplicaTemplate"
	causes   = "subMsgCause"
	objects  = "subMsgObject"
	versions = migrations.VersionTable
	claims   = "subMsgClaim"
	wake     = "SEQUENCE subMsgWake"
	forget   = "FUNCTION subMsg_forget"
	schema   = "SCHEMA" // the one that holds all of these
)

// What people look at.
var views = []string{"subMsgRecent", causes, "subMsgFailures", "subMsgPaused", "subMsgHealth", living}

// What subMsgCause says of each errcode and kind.
var words = []string{"cause", "nextStep", "causeEnglish", "nextStepEnglish"}

// What defining, testing and replaying rules calls. All of it runs with the rights of who calls, so that a rule
// gives nobody more than he has: triggers on tables where he may make them, columns that he may read.
var ruleFunctions = []string{"submsg_watch", "submsg_unwatch", "submsg_rules", "submsg_test", "submsg_replay",
	"subMsgRule_read_column", "subMsgRule_read_text", "subMsgRule_read_param", "subMsgRule_read_time", "subMsgRule_read_flag",
	"subMsgRule_read_filter", "subMsgRule_refusal", "subMsgRule_key", "subMsgRule_plan", "subMsgRule_conditions",
	"subMsgRule_plan_problem", "subMsgRule_shown_labels", "subMsgRule_base_type", "subMsgRule_value",
	"subMsgRule_value_text", "subMsgRule_too_long_sql", "subMsgRule_changed_sql", "subMsgRule_object_sql",
	"subMsgRule_text_sql", "subMsgRule_param_sql", "subMsgRule_time_sql", "subMsgRule_page_texts", "subMsgRule_query",
	"subMsgRule_encoded", "subMsgRule_column_name", "subMsgRule_column_number", "subMsgRule_column_versions",
	"subMsgRule_table_identity", "subMsgRule_columns", "subMsgRule_columns_read",
	"subMsgRule_current", "subMsgRule_changes_condition", "subMsgRule_fits_condition", "subMsgRule_any_condition",
	"subMsgRule_set_trigger", "subMsgRule_set_triggers",
	"subMsgRule_fire", "subMsgRule_touch", // to make triggers of
	"subMsgRule_message_problem", "subMsgRule_text_array", "subMsgRule_preview", "subMsgRule_replay",
	"subMsgRule_foreign_code", "subMsgRule_expression_is_plain"}

// grants is everything that anybody but the owner may do with submsg's objects; what isn't here is refused. Business
// tables with rules (orders, the example) aren't here: who may use those is the application's affair.
var grants = slices.Concat([]grant{
	{public, "SELECT", wake, nil},    // the trigger of whoever inserts reads it; it tells nothing
	{public, "SELECT", objects, nil}, // every program of ours asks whether the database fits; it holds names of files

	{app, "USAGE", schema, nil},
	{app, "INSERT", messages, business},
	{app, "SELECT", messages, []string{"id"}}, // for RETURNING id; ON CONFLICT DO NOTHING needs no right to dedupKey

	{worker, "USAGE", schema, nil},
	{worker, "SELECT", versions, []string{"version", "dirty"}},
	{worker, "SELECT", messages, []string{"id", "openid", "templateId", "parameterArr", "page", "sendStatus",
		"sendStatusMsg", "sendTime", "createTime", "sendAfter", "expireTime", "attempts", "msgId", "claimId", "leaseUntil",
		"dueAt", "traceparent", "ctid"}},
	{worker, "SELECT", claims, nil},
	{worker, "INSERT", claims, nil},
	{worker, "DELETE", claims, nil},
	{worker, "SELECT", replicas, []string{"replica", "seen", "accounts", "trouble", "inHand", "ahead", "behind", "refused", "reasons"}},
	{worker, "INSERT", replicas, []string{"replica", "host", "pid", "accounts", "trouble", "inHand", "ahead", "behind", "refused", "reasons"}},
	{worker, "UPDATE", replicas, []string{"seen", "accounts", "trouble", "inHand", "ahead", "behind", "refused", "reasons"}},
	{worker, "DELETE", replicas, nil},
	{worker, "SELECT", living, nil},
	{worker, "UPDATE", messages, []string{"sendStatus", "sendStatusMsg", "errCode", "errKind", "sendTime", "updateTime",
		"sendAfter", "attempts", "msgId", "claimId", "leaseUntil"}},
	{worker, "SELECT", pauses, []string{"templateId", "reason", "errCode", "errKind", "pausedAt", "probeAt", "probes", "spellings"}}, // excluded.reason counts as reading
	{worker, "INSERT", pauses, []string{"templateId", "reason", "errCode", "errKind", "probeAt", "spellings"}},
	{worker, "UPDATE", pauses, []string{"reason", "errCode", "errKind", "pausedAt", "probeAt", "probes", "spellings"}},
	{worker, "DELETE", pauses, nil},
	{worker, "SELECT", pace, []string{"account", "spentUntil"}},
	{worker, "INSERT", pace, []string{"account"}},
	{worker, "UPDATE", pace, []string{"spentUntil"}},
	{worker, "SELECT", origin, []string{"systemIdentifier", "databaseOid", "listOid"}},
	{worker, "INSERT", origin, []string{"systemIdentifier", "databaseOid", "listOid"}},
	{worker, "UPDATE", origin, []string{"systemIdentifier", "databaseOid", "listOid", "since"}},
	{worker, "UPDATE", wake, nil},    // setval
	{worker, "EXECUTE", forget, nil}, // in place of DELETE: it can't delete what is new
	{worker, "SELECT", known, nil},
	{worker, "INSERT", known, nil},
	{worker, "DELETE", known, nil},
	{worker, "SELECT", catalog, []string{"templateId", "name", "title", "account", "params", "seenTime"}},
	{worker, "INSERT", catalog, []string{"templateId", "name", "title", "account", "params"}},
	{worker, "UPDATE", catalog, []string{"name", "title", "account", "params", "seenTime"}},
	{worker, "DELETE", catalog, nil},
	{worker, "SELECT", causes, nil},
	{worker, "INSERT", causes, slices.Concat([]string{"errCode", "errKind"}, words)},
	{worker, "UPDATE", causes, words},

	{admin, "USAGE", schema, nil},
	{admin, "SELECT", versions, nil},
	{admin, "SELECT", messages, nil},
	{admin, "INSERT", messages, business},
	{admin, "UPDATE", messages, append([]string{"sendStatus"}, business...)},
	{admin, "DELETE", messages, nil},
	{admin, "SELECT", claims, nil},
	{admin, "SELECT", replicas, nil},
	{admin, "SELECT", pauses, nil},
	{admin, "INSERT", pauses, []string{"templateId", "reason", "probeAt"}},
	{admin, "DELETE", pauses, nil},
	{admin, "SELECT", pace, nil},
	{admin, "SELECT", origin, nil},
	{admin, "SELECT", rules, nil},
	{admin, "INSERT", draft, []string{"name", "tableName", "templateId", "arguments"}}, // its triggers check it and write the rule
	{admin, "DELETE", rules, nil},
	{admin, "SELECT", catalog, nil},
	{admin, "SELECT", known, nil},
	{admin, "SELECT", held, nil},
	{admin, "SELECT", failures, nil},
	{admin, "DELETE", failures, nil},

	{readonly, "USAGE", schema, nil},
	{readonly, "SELECT", versions, nil},
	{readonly, "SELECT", messages, []string{"id", "templateId", "sendStatus", "sendStatusMsg", "errCode", "errKind",
		"sendTime", "createTime", "updateTime", "sendAfter", "expireTime", "dedupKey", "attempts", "msgId", "claimId",
		"leaseUntil", "dueAt", "traceparent"}}, // a page holds values, as parameterArr does
	{readonly, "SELECT", claims, nil},
	{readonly, "SELECT", replicas, []string{"replica", "host", "pid", "since", "seen", "accounts", "trouble", "inHand", "ahead", "behind", "refused"}},
	{readonly, "SELECT", pauses, nil},
	{readonly, "SELECT", pace, nil},
	{readonly, "SELECT", origin, nil},
	{readonly, "SELECT", rules, nil},
	{readonly, "SELECT", catalog, nil},
	{readonly, "SELECT", known, nil},
	{readonly, "EXECUTE", "FUNCTION submsg_rules", nil},
	{readonly, "SELECT", failures, []string{"id", "ruleId", "createTime", "error"}},
}, execute(admin, ruleFunctions), look(admin, views), look(readonly, views))

func execute(role string, functions []string) (all []grant) {
	for _, f := range functions {
		all = append(all, grant{role, "EXECUTE", "FUNCTION " + f, nil})
	}
	return all
}

func look(role string, views []string) (all []grant) {
	for _, v := range views {
		all = append(all, grant{role, "SELECT", v, nil})
	}
	return all
}

// Naming is what the roles and the schema are called in one database.
type Naming struct {
	Prefix string // of the roles: submsg for submsg_app, …; lower-case letters, digits and _
	Schema string // that holds submsg's tables, as stored
}

var prefixes = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,50}$`)

// Validate tells whether the names can be used.
func (n Naming) Validate() error {
	if !prefixes.MatchString(n.Prefix) || strings.HasPrefix(n.Prefix, "pg_") {
		return fmt.Errorf("the prefix %q must be lower-case letters, digits and _, 51 at most, and not begin with pg_",
			n.Prefix)
	}
	return migrations.CheckSchema(n.Schema)
}

// role is a role's name in SQL, where it never needs quotes.
func (n Naming) role(name string) string {
	if name == public {
		return "PUBLIC"
	}
	return n.Prefix + "_" + name
}

// groups is the names of all roles but PUBLIC.
func (n Naming) groups() (names []string) {
	for _, g := range groups {
		names = append(names, n.role(g.name))
	}
	return names
}

// object is what a grant is on, in SQL: kind and qualified name; the kind of a table is left out unless on tells it.
// Names of submsg's own are written as in the documents.
func (n Naming) object(on string) string {
	kind, name := n.kindAndName(on)
	if on == schema || strings.Contains(on, " ") {
		return kind + " " + name
	}
	return name
}

func (n Naming) kindAndName(on string) (kind, name string) {
	quoted := n.schemaName()
	if on == schema {
		return on, quoted
	}
	if kind, name, ok := strings.Cut(on, " "); ok {
		return kind, quoted + "." + name
	}
	return "TABLE", quoted + "." + on
}

// schemaName is the schema in SQL.
func (n Naming) schemaName() string {
	if n.Schema == "public" {
		return n.Schema
	}
	return pgx.Identifier{n.Schema}.Sanitize()
}
