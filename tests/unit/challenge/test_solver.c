#include "daemon/challenge/http01.h"
#include "tests/support/process.h"
#include "tests/unit/challenge/rig.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define THUMBPRINT "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

enum {
	LISTENER = 1,
	WEBROOT = 2,
	TAKEN_PORT = 4,
	ZONE = 8,
	OTHER_ZONE = 16,
	NO_ZONE = 32,
	NAMED = 64,
	TLS_LISTENER = 128,
	STATELESS = 256,
	SHOP_ROOT = 512
};

struct choice {
	const char *why;
	int have;
	const char *challenge;
	const char *name;
	bool is_wildcard;
	const char *offered;
	const char *chosen; /* NULL: refused */
	const char *says;   /* a part of the refusal */
};

static int
loopback_listener(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(fd, 8), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void
equip(struct rig *rig, int have, int *ret_taken, struct autocert *autocert)
{
	int port;
	int fd = -1;

	*ret_taken = -1;
	if (have & LISTENER) {
		fd = loopback_listener(&port);
		rig->config.http_fds = &fd;
		rig->config.n_http_fds = 1;
	}
	if (have & TLS_LISTENER)
		strlist_take(&rig->config.tlsalpn_listen, xasprintf("127.0.0.1:%d", free_port()));
	if (have & TAKEN_PORT) {
		*ret_taken = loopback_listener(&port);
		strlist_take(&rig->config.http_listen, xasprintf("127.0.0.1:%d", port));
	}
	if (have & WEBROOT)
		strlist_add(&rig->config.webroots, "/nonexistent");
	if (have & SHOP_ROOT)
		strlist_add(&rig->config.webroots, "/nonexistent shop.example.com");
	rig->config.is_http_stateless = have & STATELESS;
	if (have & ZONE)
		rig_add_provider(rig, "a", "127.0.0.1:1", "example.com", NULL);
	if (have & OTHER_ZONE)
		rig_add_provider(rig, "b", "127.0.0.1:1", "example.net", NULL);
	if (have & NO_ZONE)
		rig_add_provider(rig, "c", "127.0.0.1:1", NULL, NULL);
	if (have & NAMED) {
		char id[STORE_ID_SIZE];

		rig_add_provider(rig, "n", "127.0.0.1:1", "example.org", id);
		autocert->dns_provider = xstrdup(id);
	}
	rig_restart(rig);
	rig->config.n_http_fds = 0;
}

static void
check_choice(const struct choice *c)
{
	struct rig rig;
	struct acme_authorization authz;
	struct autocert autocert = { .challenge = xstrdup_null(c->challenge) };
	_cleanup_error_ struct error err = ERROR_INIT;
	int taken;
	int index;

	rig_init(&rig, NULL);
	equip(&rig, c->have, &taken, &autocert);
	authz_init(&authz, c->name, c->is_wildcard, c->offered, TOKEN);
	index = solver_choose(rig.solver, &autocert, &authz, &err);
	if (c->chosen) {
		cr_expect_geq(index, 0, "%s: %s", c->why, err.message);
		if (index >= 0)
			cr_expect_str_eq(authz.challenges[index].type, c->chosen, "%s", c->why);
	} else {
		cr_expect_eq(index, -1, "%s", c->why);
		cr_expect(err.message && strstr(err.message, c->says), "%s: %s", c->why, err.message);
		cr_expect_not_null(err.field, "%s", c->why);
		if (!c->challenge || strcmp(c->challenge, "auto") == 0)
			cr_expect(err.may_retry, "%s: what is there now may change", c->why);
	}
	acme_authorization_clear(&authz);
	autocert_clear(&autocert);
	rig_clear(&rig);
	if (taken >= 0)
		close(taken);
}

Test(solver, chooses_what_is_offered_configured_and_fits)
{
	static const struct choice cases[] = {
		{ "http-01 comes first", LISTENER | ZONE, "auto", "www.example.com", false, "dns-01,http-01", "http-01",
			NULL },
		{ "no challenge set is auto", LISTENER, NULL, "www.example.com", false, "dns-01,http-01", "http-01",
			NULL },
		{ "a webroot will do", WEBROOT, "auto", "www.example.com", false, "http-01", "http-01", NULL },
		{ "another server may answer", STATELESS, "auto", "www.example.com", false, "dns-01,http-01", "http-01",
			NULL },
		{ "but not for a wildcard", STATELESS | ZONE, "auto", "example.com", true, "dns-01", "dns-01", NULL },
		{ "a webroot for this name", SHOP_ROOT, "auto", "shop.example.com", false, "http-01", "http-01", NULL },
		{ "none for this name", SHOP_ROOT, "http-01", "www.example.com", false, "http-01", NULL,
			"no webroot in certd.conf is for www.example.com: add the name to one" },
		{ "a listener for the others", SHOP_ROOT | LISTENER, "auto", "www.example.com", false, "http-01",
			"http-01", NULL },
		{ "wildcards need DNS", LISTENER | ZONE, "auto", "example.com", true, "dns-01", "dns-01", NULL },
		{ "a DNS provider alone", ZONE, "auto", "www.example.com", false, "http-01,dns-01", "dns-01", NULL },
		{ "the only one, without zones", NO_ZONE, "auto", "www.example.com", false, "http-01,dns-01", "dns-01",
			NULL },
		{ "a taken port falls back on DNS", TAKEN_PORT | ZONE, "auto", "www.example.com", false,
			"http-01,dns-01", "dns-01", NULL },
		{ "a named provider is a wish", LISTENER | NAMED, "auto", "www.example.com", false, "http-01,dns-01",
			"dns-01", NULL },
		{ "but not where DNS cannot be", LISTENER | NAMED, "auto", "192.0.2.1", false, "http-01,tls-alpn-01",
			"http-01", NULL },
		{ "tls-alpn-01 after http-01", LISTENER | TLS_LISTENER, "auto", "www.example.com", false,
			"tls-alpn-01,http-01", "http-01", NULL },
		{ "tls-alpn-01 before DNS", TLS_LISTENER | ZONE, "auto", "www.example.com", false,
			"dns-01,tls-alpn-01,http-01", "tls-alpn-01", NULL },
		{ "tls-alpn-01 for addresses", TLS_LISTENER, "auto", "192.0.2.1", false, "http-01,tls-alpn-01",
			"tls-alpn-01", NULL },
		{ "tls-alpn-01 on request", LISTENER | TLS_LISTENER, "tls-alpn-01", "www.example.com", false,
			"tls-alpn-01,http-01", "tls-alpn-01", NULL },
		{ "tls-alpn-01 needs a listener", LISTENER, "tls-alpn-01", "www.example.com", false,
			"tls-alpn-01,http-01", NULL, "set tls-alpn-listen" },
		{ "tls-alpn-01 has no wildcards", TLS_LISTENER, "tls-alpn-01", "example.com", true, "tls-alpn-01", NULL,
			"only by dns-01" },
		{ "dns-account-01 on request", LISTENER | ZONE, "dns-account-01", "www.example.com", false,
			"dns-01,dns-account-01", "dns-account-01", NULL },
		{ "dns-persist-01 on request", LISTENER | ZONE, "dns-persist-01", "example.com", true,
			"dns-01,dns-persist-01", "dns-persist-01", NULL },
		{ "dns-01 on request", LISTENER | ZONE, "dns-01", "www.example.com", false, "http-01,dns-01", "dns-01",
			NULL },
		{ "http-01 on request", LISTENER | ZONE, "http-01", "www.example.com", false, "http-01,dns-01",
			"http-01", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_choice(&cases[i]);
}

Test(solver, auto_stays_with_what_worked_and_leaves_what_keeps_failing)
{
	static const struct {
		const char *why;
		int have;
		const char *memory; /* separated by ',' */
		const char *chosen;
		const char *explained;
	} cases[] = {
		{ "nothing is known", LISTENER | ZONE, "", "http-01", "there is an HTTP listener" },
		{ "it worked", LISTENER | ZONE, "dns-01 0 www.example.com", "dns-01", "it worked the last time" },
		{ "it worked, and is not ready any more", LISTENER | OTHER_ZONE, "dns-01 0 www.example.com", "http-01",
			"there is an HTTP listener" },
		{ "another name", LISTENER | ZONE, "dns-01 0 example.com,http-01 9 example.com", "http-01",
			"there is an HTTP listener" },
		{ "two failures", LISTENER | ZONE, "http-01 2 www.example.com", "http-01", "http-01 failed 2 times" },
		{ "three failures", LISTENER | ZONE, "http-01 3 www.example.com", "dns-01", "http-01 failed 3 times" },
		{ "failures of both", LISTENER | ZONE, "http-01 3 www.example.com,dns-01 2 www.example.com", "dns-01",
			"http-01 failed 3 times, dns-01 failed 2 times" },
		{ "the first gets another chance", LISTENER | ZONE,
			"http-01 3 www.example.com,dns-01 3 www.example.com", "http-01", "dns-01 failed 3 times" },
		{ "there is no other", LISTENER, "http-01 7 www.example.com", "http-01", "http-01 failed 7 times" },
		{ "the second worked after failures of the first", LISTENER | ZONE,
			"http-01 3 www.example.com,dns-01 0 www.example.com", "dns-01", "http-01 failed 3 times" },
		{ "a wish gives way too", LISTENER | NAMED, "dns-01 3 www.example.com", "http-01", "dns-01 failed 3" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig rig;
		struct acme_authorization authz;
		struct autocert autocert = { .challenge = xstrdup("auto") };
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *text = NULL;
		int taken, index;

		rig_init(&rig, NULL);
		equip(&rig, cases[i].have, &taken, &autocert);
		strlist_split(&autocert.validations, cases[i].memory, ',');
		authz_init(&authz, "www.example.com", false, "dns-01,http-01", TOKEN);
		index = solver_choose(rig.solver, &autocert, &authz, &err);
		cr_assert_geq(index, 0, "%s: %s", cases[i].why, err.message);
		cr_expect_str_eq(authz.challenges[index].type, cases[i].chosen, "%s", cases[i].why);
		text = solver_explain(rig.solver, &autocert, "www.example.com");
		cr_expect(text && strstr(text, cases[i].explained), "%s: %s", cases[i].why, text);
		acme_authorization_clear(&authz);
		autocert_clear(&autocert);
		rig_clear(&rig);
	}
}

Test(solver, says_what_is_missing_and_how_to_add_it)
{
	static const struct choice cases[] = {
		{ "nothing for the web", 0, "auto", "www.example.com", false, "http-01,dns-01", NULL,
			"certd has no HTTP listener and no webroot" },
		{ "nor for DNS", 0, "auto", "www.example.com", false, "http-01,dns-01", NULL,
			"declare one for www.example.com (see: certctl add-dns --help)" },
		{ "a zone of others", LISTENER | OTHER_ZONE, "auto", "example.com", true, "dns-01", NULL,
			"no DNS provider has a zone for it" },
		{ "several without zones", NO_ZONE | OTHER_ZONE, "dns-01", "example.com", false, "dns-01", NULL,
			"no DNS provider has a zone for it" },
		{ "wildcard by http-01", LISTENER | ZONE, "http-01", "example.com", true, "dns-01", NULL,
			"*.example.com cannot be validated by http-01: the CA offers only dns-01" },
		{ "the CA wants another way", LISTENER | ZONE, "auto", "example.com", false, "tls-alpn-01", NULL,
			"the CA offers only tls-alpn-01" },
		{ "a taken port", TAKEN_PORT, "http-01", "example.com", false, "http-01", NULL,
			"has that port: set http-listen to another port" },
		{ "a taken port, whatever else is not there", TAKEN_PORT, "auto", "example.com", false, "http-01", NULL,
			"http-01: http-listen 127.0.0.1:" },
		{ "an address has no records", LISTENER | ZONE, "dns-account-01", "192.0.2.1", false, "dns-account-01",
			NULL, "is an address" },
		{ "nor standing ones", LISTENER | ZONE, "dns-persist-01", "2001:db8::1", false, "dns-persist-01", NULL,
			"is an address" },
		{ "a new form that is not offered", ZONE, "dns-account-01", "www.example.com", false, "dns-01", NULL,
			"the CA offers only dns-01" },
		{ "an address", LISTENER | ZONE, "dns-01", "192.0.2.1", false, "dns-01", NULL, "is an address" },
		{ "a challenge of another world", LISTENER | ZONE, "dns-02", "example.com", false, "dns-01", NULL,
			"'dns-02' is not one of auto" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_choice(&cases[i]);
}

Test(solver, the_class_of_the_error_is_that_of_what_can_be_mended_here)
{
	static const struct {
		int have;
		const char *offered;
		enum error_code code;
	} cases[] = {
		{ TAKEN_PORT, "http-01", ERROR_UNAVAILABLE },
		{ TAKEN_PORT, "http-01,dns-01", ERROR_UNAVAILABLE },
		{ TAKEN_PORT | OTHER_ZONE, "dns-01,http-01,tls-alpn-01", ERROR_UNAVAILABLE },
		{ 0, "http-01", ERROR_INVALID },
		{ LISTENER | ZONE, "tls-alpn-01", ERROR_CA },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig rig;
		struct acme_authorization authz;
		struct autocert autocert = { .challenge = xstrdup("auto") };
		_cleanup_error_ struct error err = ERROR_INIT;
		int taken;

		rig_init(&rig, NULL);
		equip(&rig, cases[i].have, &taken, &autocert);
		authz_init(&authz, "www.example.com", false, cases[i].offered, TOKEN);
		cr_expect_eq(solver_choose(rig.solver, &autocert, &authz, &err), -1);
		cr_expect_eq(err.code, cases[i].code, "case %zu: %s", i, error_code_name(err.code));
		acme_authorization_clear(&authz);
		autocert_clear(&autocert);
		rig_clear(&rig);
		if (taken >= 0)
			close(taken);
	}
}

Test(solver, says_what_auto_takes_and_why)
{
	static const struct {
		int have;
		const char *challenge;
		const char *name;
		const char *says; /* NULL: nothing to say */
	} cases[] = {
		{ LISTENER | ZONE, "auto", "www.example.com", "chooses http-01 for www.example.com: there is an HTTP" },
		{ WEBROOT | ZONE, NULL, "www.example.com", "there is a webroot" },
		{ STATELESS, NULL, "www.example.com", "there is a server that answers from the thumbprint" },
		{ SHOP_ROOT | LISTENER, NULL, "shop.example.com", "there is a webroot" },
		{ SHOP_ROOT | LISTENER, NULL, "www.example.com", "there is an HTTP" },
		{ LISTENER | ZONE, "auto", "*.example.com", "chooses dns-01 for *.example.com: it is a wildcard" },
		{ LISTENER | NAMED, "auto", "www.example.com", "chooses dns-01 for www.example.com: a DNS provider" },
		{ TLS_LISTENER, "auto", "www.example.com",
			"chooses tls-alpn-01 for www.example.com, and not http-01: certd has no HTTP" },
		{ TAKEN_PORT | ZONE, "auto", "www.example.com", "not http-01: http-listen 127.0.0.1:" },
		{ LISTENER | ZONE, "http-01", "www.example.com", NULL },
		{ 0, "auto", "www.example.com", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig rig;
		struct autocert autocert = { .challenge = xstrdup_null(cases[i].challenge) };
		_cleanup_free_ char *text = NULL;
		int taken;

		rig_init(&rig, NULL);
		equip(&rig, cases[i].have, &taken, &autocert);
		text = solver_explain(rig.solver, &autocert, cases[i].name);
		if (cases[i].says)
			cr_expect(text && strstr(text, cases[i].says), "case %zu: %s", i, text ? text : "-");
		else
			cr_expect_null(text, "case %zu: %s", i, text);
		autocert_clear(&autocert);
		rig_clear(&rig);
		if (taken >= 0)
			close(taken);
	}
}

Test(solver, says_how_a_name_would_be_validated_now)
{
	static const struct {
		const char *why;
		int have;
		const char *challenge, *name;
		const char *method; /* NULL: not at all */
	} cases[] = {
		{ "a listener", LISTENER, NULL, "www.example.com", "http-01" },
		{ "a webroot", WEBROOT, "auto", "www.example.com", "http-01" },
		{ "a DNS provider", ZONE, "auto", "www.example.com", "dns-01" },
		{ "both", LISTENER | ZONE, "auto", "www.example.com", "http-01" },
		{ "both, and a wildcard", LISTENER | ZONE, "auto", "*.example.com", "dns-01" },
		{ "a port for TLS", TLS_LISTENER, "auto", "www.example.com", "tls-alpn-01" },
		{ "as it is declared", LISTENER | ZONE, "dns-01", "www.example.com", "dns-01" },
		{ "by hand", LISTENER | ZONE, "manual", "www.example.com", "manual" },
		{ "nothing", 0, "auto", "www.example.com", NULL },
		{ "a wildcard without DNS", LISTENER, "auto", "*.example.com", NULL },
		{ "a port that another has", TAKEN_PORT, "auto", "www.example.com", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct autocert autocert = { .challenge = xstrdup_null(cases[i].challenge) };
		_cleanup_error_ struct error err = ERROR_INIT;
		struct rig rig;
		const char *method;
		int taken;

		rig_init(&rig, NULL);
		equip(&rig, cases[i].have, &taken, &autocert);
		method = solver_method(rig.solver, &autocert, cases[i].name, &err);
		cr_expect_str_eq(method ? method : "none", cases[i].method ? cases[i].method : "none", "%s: %s",
			cases[i].why, err.message);
		cr_expect_eq(error_is_set(&err), !cases[i].method, "%s: %s", cases[i].why, err.message);
		autocert_clear(&autocert);
		rig_clear(&rig);
		if (taken >= 0)
			close(taken);
	}
}

Test(solver, a_declaration_is_checked_before_it_is_made)
{
	struct rig rig;
	struct autocert autocert = { .common_name = xstrdup("www.example.com"), .challenge = xstrdup("auto") };
	_cleanup_error_ struct error err = ERROR_INIT;
	int taken;

	rig_init(&rig, NULL);
	equip(&rig, TAKEN_PORT, &taken, &autocert);
	cr_expect_eq(solver_check(rig.solver, &autocert, &err), 0, "a taken port heals: %s", err.message);
	cr_expect_not_null(solver_http_error(rig.solver));
	strlist_add(&autocert.sans, "*.example.com");
	cr_expect_eq(solver_check(rig.solver, &autocert, &err), -1);
	cr_expect_not_null(strstr(err.message, "*.example.com"));
	cr_expect_str_eq(err.field, "challenge");
	str_replace(&autocert.dns_provider, "00000000-0000-4000-8000-000000000000");
	cr_expect_eq(solver_check(rig.solver, &autocert, &err), -1);
	cr_expect_str_eq(err.field, "dnsProvider");
	autocert_clear(&autocert);
	rig_clear(&rig);
	close(taken);
}

/* Such hooks are told the domain, and make the owner name of dns-01 from it. */
Test(solver, a_hook_that_names_the_record_itself_cannot_serve_dns_account_01)
{
	static const struct {
		const char *convention;
		bool is_refused;
	} cases[] = { { "lego", false }, { "acme.sh", false }, { "lego-raw", true }, { "certbot", true },
		{ "dehydrated", true }, { "uacme", true } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig rig;
		struct autocert a = { .challenge = xstrdup("dns-account-01"),
			.common_name = xstrdup("www.example.com") };
		_cleanup_dnsprovider_ struct dnsprovider d = { .o.name = xstrdup("hook"), .kind = xstrdup("exec") };
		_cleanup_error_ struct error err = ERROR_INIT;

		rig_init(&rig, NULL);
		strlist_add(&d.zones, "example.com");
		setting_put(&d.settings, "command", "/bin/true");
		setting_put(&d.settings, "convention", cases[i].convention);
		cr_assert_eq(
			object_save(rig.store.store, store_begin(rig.store.store), &dnsprovider_class, &d, NULL), 0);
		store_commit(rig.store.store);
		cr_expect_eq(solver_check(rig.solver, &a, &err) < 0, cases[i].is_refused, "%s", cases[i].convention);
		if (cases[i].is_refused)
			cr_expect_not_null(
				strstr(err.message, "computes the name of the TXT record itself"), "%s", err.message);
		str_replace(&a.challenge, "dns-01");
		cr_expect_eq(solver_check(rig.solver, &a, NULL), 0, "%s", cases[i].convention);
		autocert_clear(&a);
		rig_clear(&rig);
	}
}

Test(solver, http_01_is_up_from_done_to_stop)
{
	struct rig rig;
	struct acme_authorization authz;
	struct autocert autocert = { .challenge = xstrdup("http-01") };
	struct solver_request request = { .autocert = &autocert, .authz = &authz, .thumbprint = THUMBPRINT };
	struct result result = { 0 };
	struct solve *solve;
	char root[] = "/tmp/test-solver-XXXXXX";
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ char *dir = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;

	cr_assert_not_null(mkdtemp(root));
	path = xasprintf("%s/.well-known/acme-challenge/" TOKEN, root);
	rig_init(&rig, NULL);
	strlist_add(&rig.config.webroots, "/nonexistent");
	strlist_add(&rig.config.webroots, "/nonexistent shop.example.com");
	strlist_take(&rig.config.webroots, xasprintf("%s *.example.com", root));
	rig_restart(&rig);
	authz_init(&authz, "www.example.com", false, "http-01", TOKEN);
	solve = solver_start(rig.solver, &request, note_done, note_progress, &result);
	cr_expect_eq(result.calls, 0, "done from inside the call");
	cr_assert(rig_wait(&rig, &result, 1000));
	cr_expect_not(error_is_set(&result.error), "%s", result.error.message);
	cr_assert_eq(buf_read_file(&text, AT_FDCWD, path, 200, NULL), 0);
	cr_expect_str_eq(buf_str(&text), TOKEN "." THUMBPRINT);
	solver_stop(solve);
	cr_expect_eq(access(path, F_OK), -1);
	result_clear(&result);
	acme_authorization_clear(&authz);
	autocert_clear(&autocert);
	rig_clear(&rig);
	dir = xasprintf("%s/.well-known/acme-challenge", root);
	rmdir(dir);
	*strrchr(dir, '/') = '\0';
	rmdir(dir);
	rmdir(root);
}

Test(solver, looks_for_a_zone_only_for_names_that_nothing_else_can_validate)
{
	static const struct {
		const char *challenge;
		bool may_need;
	} cases[] = { { NULL, true }, { "auto", true }, { "dns-01", true }, { "dns-account-01", true },
		{ "dns-persist-01", false }, { "http-01", false }, { "manual", false } };
	struct rig rig;

	rig_init(&rig, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct autocert a = { .challenge = (char *)(uintptr_t)cases[i].challenge };

		cr_expect_eq(solver_may_need_dns(rig.solver, &a, "www.example.test"), cases[i].may_need, "%s",
			cases[i].challenge ? cases[i].challenge : "none");
	}
	rig_clear(&rig);
}
