package attacks

import (
	"slices"
	"strings"
)

// invocation is one call of a command.
type invocation struct {
	args  []string // after the command's name
	db    bool     // it works on the installation
	in    string   // what the person answers
	until string   // what the command says before it is stopped; else it ends by itself
}

func line(args ...string) invocation { return invocation{args: args} }

// on is a call that works on the installation.
func on(args ...string) invocation { return invocation{args: args, db: true} }

func (i invocation) answered(in string) invocation { i.in = in; return i }

func (i invocation) stopped(until string) invocation { i.until = until; return i }

// with adds an account, at one of the WeChats.
func (i invocation) with(wechat string) invocation {
	i.args = append([]string{"--wechat-appid=wx", "--wechat-secret=x", "--wechat-url=" + wechat}, i.args...)
	return i
}

// at completes a command line: its flags come first, because what follows a first parameter is one, too.
func (i invocation) at(path, database, schema string) invocation {
	before := strings.Fields(path)
	if i.db {
		before = append(before, "--database-url="+database, "--schema="+schema)
	}
	i.args = slices.Concat(before, i.args)
	return i
}

// invocations are how each command of the tree is made to print what others wrote, as itself and in an error. What
// works on the installation is tried on a database that isn't there, too.
func (w *hostileWorld) invocations() map[string][]invocation {
	all := map[string][]invocation{}
	for _, part := range []map[string][]invocation{w.ofMessages(), w.ofRules(), w.ofTemplates(), w.ofTheRest()} {
		for path, calls := range part {
			for _, i := range calls {
				all[path] = append(all[path], i.at(path, w.url, w.schema))
				if i.db && i.until == "" && !slices.Contains(i.args, "--json") {
					all[path] = append(all[path], i.at(path, w.missing, w.schema))
				}
			}
		}
	}
	return all
}

func (w *hostileWorld) ofMessages() map[string][]invocation {
	files, mistakes := "--templates="+w.templates, "--templates="+w.mistaken
	once := []string{"--wait=0", "--dedup-key=x" + hostile, "oSOMEBODY", "t", "v" + hostile}
	return map[string][]invocation{
		"send":   {on(once...), on(once...), on(hostile, hostile), on("--wait=1ms", "oSOMEBODY", "id")},
		"status": {on(), on("--json"), on("--watch", "--every=100ms").stopped("reason")},
		"list":   {on("--full"), on("--json"), on("--older=" + hostile), on("--due-before=" + hostile)},
		"show":   {on("1", files), on("2"), on("2", "--json"), on("1", mistakes)},
		"retry":  {on("--status=fail").answered("n\n"), on("--template=" + hostile), on("--status=" + hostile)},
		"cancel": {on("--status=fail,unknown", "--dry-run"), on("--errcode=" + hostile)},
	}
}

func (w *hostileWorld) ofRules() map[string][]invocation {
	right, broken, files := "right"+hostile, "broken"+hostile, "--templates="+w.templates
	add := func(more ...string) invocation {
		return on(append([]string{w.table, files, "--template=named", "--openid=buyer", "--param=v" + hostile,
			"--name=new" + hostile}, more...)...)
	}
	return map[string][]invocation{
		"rules add": {add("--on-insert"), add("--when=state=none" + unseen), add("--when=" + unseen),
			add("--flag=" + hostile),
			on(w.table, "--template="+hostile, "--openid="+hostile, "--flag="+hostile),
			on(w.table, files, "--template="+hostile, "--openid=buyer", "--flag=x"),
			on(hostile, files, "--template=named", "--param="+hostile, "--openid=buyer", "--flag=x")},
		"rules list":   {on(), on("--json")},
		"rules show":   {on(right), on(broken), on(broken, "--json"), on(hostile)},
		"rules remove": {on(right).answered("no\n"), on("--yes", broken), on(hostile)},
		"rules test":   {on(w.table), on(w.table, files, "--json"), on(w.table, "--where="+hostile), on(hostile)},
		"rules replay": {on(), on(right), on(hostile)},
	}
}

func (w *hostileWorld) ofTemplates() map[string][]invocation {
	files, mistakes := "--templates="+w.templates, "--templates="+w.mistaken
	return map[string][]invocation{
		"accounts list": {line(files).with(w.wechat), line(files, "--accounts="+w.mistaken)},
		"accounts check": {line().with(w.wechat), line().with(w.closed), line(hostile).with(w.wechat),
			line("--accounts=" + w.mistaken)},
		"templates list": {line(files), line(mistakes)},
		"templates check": {line(files, "--remote").with(w.wechat), line(files, "--remote").with(w.closed),
			line(w.mistaken)},
		"templates show": {line(files, "named"), line(files, "named", "title"+unseen), line(files, "named", hostile),
			line(files, hostile)},
		"templates pull": {line("--dir="+w.templates, "--force").with(w.wechat),
			line("--dir="+w.folder(nil), hostile).with(w.wechat), line("--dir=" + w.mistaken).with(w.wechat)},
		"fakewechat": {line("--addr=127.0.0.1:0", "--appid="+hostile).stopped("A fake WeChat"), line(mistakes),
			line("--addr=" + hostile)},
	}
}

func (w *hostileWorld) ofTheRest() map[string][]invocation {
	files, mistakes, off := "--templates="+w.templates, "--templates="+w.mistaken, "--http-addr=off"
	text, logged := on(files, off, "--log-level=debug"), on(files, off, "--log-format=json")
	return map[string][]invocation{
		"serve": {text.with(w.wechat).stopped("43101 said"), text.with(w.closed).stopped("40125 said"),
			logged.with(w.closed).stopped("40125 said"), on(mistakes, off), line("--wechat-appid=" + hostile),
			on(files, "--http-addr="+hostile).with(w.wechat)},
		"migrate up":     {on(), on("--schema=" + hostile)},
		"migrate down":   {on(hostile), line("--database-url="+w.missing, "1")},
		"migrate status": {on()},
		"roles":          {line("--schema=" + w.schema), on("--check"), line("--prefix=" + hostile)},
		"doctor":         {on(mistakes).with(w.closed), on(files, "--json").with(w.wechat), line("--skip=" + hostile)},
		"healthcheck":    {line("--http-addr=" + hostile), line("--http-addr=" + unseen + ":1")},
		"postgres":       {line("--listen=" + hostile)},
		"bench":          {line("--only=" + hostile), line("--only=drain", "--quick", "--database-url="+w.missing)},
		"demo":           {line("--once=" + hostile)},
		"version":        {line(hostile)},
	}
}
