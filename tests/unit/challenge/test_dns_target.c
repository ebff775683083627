/* Where a TXT record must be, by the answers of a resolver that the test plays. */
#include "daemon/challenge/dns_target.h"

#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "daemon/store/object.h"
#include "tests/unit/store/tmp_store.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_LEN = 12, TYPE_CNAME = 5, TYPE_SOA = 6, NXDOMAIN = 3, SERVFAIL = 2, ROWS = 12 };

struct row {
	const char *name;
	const char *alias; /* CNAME in the answer */
	const char *zone;  /* SOA: in the answer if it is the name, else in the authority section */
	int rcode;
};

struct bed {
	const struct row *rows; /* what is not in them is NXDOMAIN without any record */
	int fd;
	struct loop_fd *watch;
	struct clock *clock;
	struct dnsprovider_env env;
	struct tmp_store store;
	char *server;     /* its address */
	struct buf asked; /* names, each with a blank */
	unsigned calls;
	enum error_code code;
	bool may_retry;
	char told[500];
	char name[200], zone[200], provider[50];
};

/* --- the resolver --- */

static void
add_name(struct buf *ret, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		buf_add_char(ret, (char)len);
		buf_add(ret, name, len);
		name += len + (name[len] == '.');
	}
	buf_add_char(ret, '\0');
}

static void
add_u16(struct buf *ret, unsigned value)
{
	buf_add_char(ret, (char)(value >> 8));
	buf_add_char(ret, (char)value);
}

static void
add_record(struct buf *ret, const char *owner, unsigned type, const char *target)
{
	static const char numbers[20] = { 0 };
	_cleanup_buf_ struct buf data = BUF_INIT;

	add_name(&data, target);
	if (type == TYPE_SOA) {
		add_name(&data, "hostmaster");
		buf_add(&data, numbers, sizeof(numbers));
	}
	add_name(ret, owner);
	add_u16(ret, type);
	add_u16(ret, 1);
	add_u16(ret, 0);
	add_u16(ret, 60);
	add_u16(ret, (unsigned)data.len);
	buf_add(ret, data.data, data.len);
}

static const struct row *
find_row(const struct bed *b, const char *name)
{
	static const struct row none = { .rcode = NXDOMAIN };

	for (size_t i = 0; b->rows[i].name; i++)
		if (strcmp(b->rows[i].name, name) == 0)
			return &b->rows[i];
	return &none;
}

static void
on_question(int fd, short what, void *arg)
{
	struct bed *b = arg;
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	unsigned char question[512];
	ssize_t n = recvfrom(fd, question, sizeof(question), 0, (struct sockaddr *)&from, &from_len);
	_cleanup_buf_ struct buf name = BUF_INIT;
	_cleanup_buf_ struct buf reply = BUF_INIT;
	const struct row *row;
	size_t end = HEADER_LEN;

	(void)what;
	cr_assert_gt(n, HEADER_LEN);
	for (; question[end]; end += question[end] + 1u)
		buf_printf(&name, "%s%.*s", name.len ? "." : "", question[end], (const char *)question + end + 1);
	buf_printf(&b->asked, "%s ", buf_str(&name));
	row = find_row(b, buf_str(&name));
	buf_add(&reply, question, end + 5);
	reply.data[2] = (char)0x84;
	reply.data[3] = (char)row->rcode;
	memset(reply.data + 6, 0, 6);
	if (row->alias) {
		add_record(&reply, buf_str(&name), TYPE_CNAME, row->alias);
		reply.data[7] = 1;
	} else if (row->zone) {
		add_record(&reply, row->zone, TYPE_SOA, "ns");
		reply.data[strcmp(row->zone, row->name) == 0 ? 7 : 9] = 1;
	}
	sendto(fd, reply.data, reply.len, 0, (struct sockaddr *)&from, from_len);
}

/* --- the finder --- */

static void
bed_init(struct bed *b, const struct row *rows)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	*b = (struct bed){ .rows = rows, .clock = clock_new_real() };
	b->env.loop = loop_new(b->clock);
	b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(b->fd, (struct sockaddr *)&sin, len), 0);
	cr_assert_eq(getsockname(b->fd, (struct sockaddr *)&sin, &len), 0);
	b->watch = loop_fd_new(b->env.loop, b->fd, LOOP_READ, on_question, b);
	b->server = xasprintf("127.0.0.1:%d", ntohs(sin.sin_port));
	b->env.dns = dns_new(b->env.loop, b->server, NULL);
	tmp_store_init(&b->store, 0);
}

static void
bed_clear(struct bed *b)
{
	dns_free(b->env.dns);
	loop_fd_free(b->watch);
	close(b->fd);
	loop_free(b->env.loop);
	tmp_store_clear(&b->store);
	clock_free(b->clock);
	buf_clear(&b->asked);
	free(b->server);
}

/* @zone: NULL: none is declared. */
static void
declare(struct bed *b, const char *name, const char *kind, const char *zone)
{
	struct dnsprovider p = { .kind = xstrdup(kind) };

	p.o.name = xstrdup(name);
	if (zone)
		strlist_add(&p.zones, zone);
	if (strcmp(kind, "rfc2136") == 0)
		setting_put(&p.settings, "server", b->server);
	cr_assert_eq(object_save(b->store.store, store_begin(b->store.store), &dnsprovider_class, &p, NULL), 0);
	store_commit(b->store.store);
	dnsprovider_clear(&p);
}

static void
on_found(struct dns_target *target, const struct error *err, void *arg)
{
	struct bed *b = arg;

	cr_assert((target != NULL) != (err != NULL));
	b->calls++;
	b->code = err ? err->code : ERROR_NONE;
	b->may_retry = err && err->may_retry;
	snprintf(b->told, sizeof(b->told), "%s", err ? err->message : "");
	if (target) {
		snprintf(b->name, sizeof(b->name), "%s", target->name);
		snprintf(b->zone, sizeof(b->zone), "%s", target->zone ? target->zone : "");
		snprintf(b->provider, sizeof(b->provider), "%s", target->provider.o.name);
	}
	loop_stop(b->env.loop);
}

static void
find(struct bed *b, const char *name)
{
	dns_target_find(&b->env, b->store.store, NULL, name, on_found, b);
	cr_expect_eq(b->calls, 0, "never from inside dns_target_find()");
	cr_assert_eq(loop_run(b->env.loop, NULL), 0);
	cr_assert_eq(b->calls, 1);
}

#define NAME "_acme-challenge.www.x.test"
#define SIBLING "_certd-wildcard.www.x.test"
#define NO_PROVIDER NAME ": no DNS provider has a zone for it; declare one for the zone "

struct target_case {
	const char *what;
	const char *kind;     /* NULL: no provider is declared */
	const char *declared; /* its zone */
	struct row rows[ROWS];
	enum error_code code;
	const char *words; /* of the error; else "name zone" */
	const char *asked; /* all queries; NULL: whatever */
};

static const struct target_case cases[] = {
	{ "the zone is in the authority section", "exec", "x.test", { { NAME, NULL, "x.test", NXDOMAIN } }, ERROR_NONE,
		NAME " x.test", NAME " " },
	{ "the name is the zone", "exec", NULL, { { NAME, NULL, NAME, 0 } }, ERROR_NONE, NAME " " NAME, NAME " " },
	{ "a resolver without authority sections", "exec", "x.test", { { "x.test", NULL, "x.test", 0 } }, ERROR_NONE,
		NAME " x.test", NAME " www.x.test x.test " },
	{ "no answer has a zone", NULL, NULL, { { NULL, NULL, NULL, 0 } }, ERROR_STATE, NO_PROVIDER "ZONE",
		NAME " www.x.test x.test test " },
	{ "no answer has a zone, one is declared", "rfc2136", "x.test", { { NULL, NULL, NULL, 0 } }, ERROR_NONE,
		NAME " x.test", NAME " " NAME " www.x.test x.test test " },
	{ "no answer has a zone, and the provider needs none", "exec", "x.test", { { NULL, NULL, NULL, 0 } },
		ERROR_NONE, NAME " ", NAME " www.x.test x.test test " },
	{ "no answer has a zone, which the provider needs", "rfc2136", NULL, { { NULL, NULL, NULL, 0 } }, ERROR_DNS,
		"DNS provider 'mine': DNS server 127.0.0.1:", NAME " " NAME " www.x.test x.test test " },
	{ "no provider", NULL, NULL, { { NAME, NULL, "x.test", NXDOMAIN } }, ERROR_STATE, NO_PROVIDER "x.test",
		NAME " " },
	{ "the zone of another name is none", NULL, NULL,
		{ { NAME, NULL, "other.test", 0 }, { "x.test", NULL, "x.test", 0 } }, ERROR_STATE, NO_PROVIDER "x.test",
		NAME " www.x.test x.test " },
	{ "an alias without a provider", NULL, NULL,
		{ { NAME, "a.y.test", NULL, 0 }, { "a.y.test", NULL, "y.test", NXDOMAIN } }, ERROR_STATE,
		NAME " is an alias of a.y.test, and no DNS provider has a zone for that name: declare one for the "
		     "zone y.test",
		NAME " a.y.test " },
	{ "an alias", "exec", "y.test", { { NAME, "a.y.test", NULL, 0 }, { "a.y.test", NULL, "y.test", NXDOMAIN } },
		ERROR_NONE, "a.y.test y.test", NULL },
	{ "an alias of all names", "exec", "x.test",
		{ { NAME, "a.y.test", NULL, 0 }, { SIBLING, "a.y.test", NULL, 0 }, { "x.test", NULL, "x.test", 0 } },
		ERROR_NONE, NAME " x.test", NAME " " SIBLING " www.x.test x.test " },
	{ "an alias that the sibling does not have", "exec", "x.test",
		{ { NAME, "a.x.test", NULL, 0 }, { SIBLING, "b.x.test", NULL, 0 },
			{ "a.x.test", NULL, "x.test", NXDOMAIN } },
		ERROR_NONE, "a.x.test x.test", NAME " " SIBLING " a.x.test " },
	{ "a loop", NULL, NULL, { { NAME, "a.test", NULL, 0 }, { "a.test", NAME, NULL, 0 } }, ERROR_DNS,
		"a.test: its aliases (CNAME) form a loop", NAME " a.test " },
	{ "an alias of itself", NULL, NULL, { { NAME, NAME, NULL, 0 } }, ERROR_DNS, NAME ": its aliases (CNAME) form",
		NAME " " },
	{ "eight aliases", NULL, NULL,
		{ { NAME, "a.test", NULL, 0 }, { "a.test", "b.test", NULL, 0 }, { "b.test", "c.test", NULL, 0 },
			{ "c.test", "d.test", NULL, 0 }, { "d.test", "e.test", NULL, 0 },
			{ "e.test", "f.test", NULL, 0 }, { "f.test", "g.test", NULL, 0 },
			{ "g.test", "h.test", NULL, 0 }, { "h.test", NULL, "h.test", 0 } },
		ERROR_STATE, NAME " is an alias of h.test, and no DNS provider", NULL },
	{ "nine aliases", NULL, NULL,
		{ { NAME, "a.test", NULL, 0 }, { "a.test", "b.test", NULL, 0 }, { "b.test", "c.test", NULL, 0 },
			{ "c.test", "d.test", NULL, 0 }, { "d.test", "e.test", NULL, 0 },
			{ "e.test", "f.test", NULL, 0 }, { "f.test", "g.test", NULL, 0 },
			{ "g.test", "h.test", NULL, 0 }, { "h.test", "i.test", NULL, 0 } },
		ERROR_DNS, NAME ": more than 8 consecutive aliases", NULL },
	{ "the resolver fails", NULL, NULL, { { NAME, NULL, NULL, SERVFAIL } }, ERROR_DNS,
		"DNS SOA of '" NAME "': SERVFAIL", NAME " " },
	{ "the resolver fails, and the zone is declared", "rfc2136", "x.test", { { NAME, NULL, NULL, SERVFAIL } },
		ERROR_NONE, NAME " x.test", NAME " " NAME " " },
};

Test(dns_target, each_answer_of_a_resolver_leads_to_a_zone_or_says_what_is_missing, .timeout = 300)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct target_case *c = &cases[i];
		struct bed b;

		bed_init(&b, c->rows);
		if (c->kind)
			declare(&b, "mine", c->kind, c->declared);
		find(&b, NAME);
		cr_expect_eq(b.code, c->code, "%s: %s", c->what, b.told);
		if (c->code) {
			cr_expect_eq(strncmp(b.told, c->words, strlen(c->words)), 0, "%s: %s", c->what, b.told);
			cr_expect(b.may_retry, "%s", c->what);
		} else {
			_cleanup_free_ char *found = xasprintf("%s %s", b.name, b.zone);

			cr_expect_str_eq(found, c->words, "%s: %s", c->what, found);
			cr_expect_str_eq(b.provider, "mine");
		}
		if (c->asked)
			cr_expect_str_eq(buf_str(&b.asked), c->asked, "%s: %s", c->what, buf_str(&b.asked));
		bed_clear(&b);
	}
}
