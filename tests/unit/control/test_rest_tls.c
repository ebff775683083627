/* The certificate that REST presents is one of certd's own, and the next one when it is renewed. */
#include "daemon/control/rest_tls.h"

#include "daemon/control/rest.h"
#include "tests/support/process.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
expect_none(struct run *r, const char *name, enum error_code code)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	char id[STORE_ID_SIZE] = "";
	SSL_CTX *ctx = NULL;

	cr_expect_eq(rest_tls_load(r->world.store, name, id, &ctx, &err), -1, "%s", name);
	cr_expect_eq(err.code, code, "%s: %s", name, err.message);
	cr_expect_null(ctx);
	cr_expect_str_eq(id, "");
}

/* A context of the newest certificate, with its key and chain. */
static void
expect_new(struct run *r, char id[STORE_ID_SIZE])
{
	_cleanup_autocert_ struct autocert a = { 0 };
	STACK_OF(X509) *chain = NULL;
	SSL_CTX *ctx = NULL;

	cr_assert_eq(rest_tls_load(r->world.store, "a-90d", id, &ctx, NULL), 1);
	run_load(r, "a-90d", &a);
	cr_expect_str_eq(id, a.last_certificate);
	cr_expect_eq(SSL_CTX_check_private_key(ctx), 1);
	cr_expect_eq(X509_check_host(SSL_CTX_get0_certificate(ctx), "b.sim.test", 0, 0, NULL), 1);
	SSL_CTX_get0_chain_certs(ctx, &chain);
	cr_expect_eq(sk_X509_num(chain), 1);
	cr_expect_eq(X509_check_issued(sk_X509_value(chain, 0), SSL_CTX_get0_certificate(ctx)), X509_V_OK);
	cr_expect_eq(SSL_CTX_get_min_proto_version(ctx), TLS1_2_VERSION);
	cr_expect(SSL_CTX_get_options(ctx) & SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_free(ctx);
}

Test(rest_tls, the_newest_certificate_is_loaded_once)
{
	char id[STORE_ID_SIZE] = "";
	SSL_CTX *ctx = NULL;
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	expect_none(&r, "nobody", ERROR_CONFIG);
	expect_none(&r, "a-90d", ERROR_UNAVAILABLE);
	world_run_until(w, world_now(w) + MINUTE);
	expect_new(&r, id);
	cr_expect_eq(rest_tls_load(w->store, "a-90d", id, &ctx, NULL), 0, "it has that one");
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + MINUTE);
	expect_new(&r, id);
	run_end(&r);
}

/* --- REST over TLS that has to wait --- */

struct said {
	unsigned n;
	char *message;
};

static void
note_warning(struct json_object *event, void *arg)
{
	struct said *said = arg;
	const char *kind = NULL, *message = NULL;

	json_get_string(event, "kind", &kind, NULL);
	json_get_string(event, "message", &message, NULL);
	if (strcmp(kind, event_info(EVENT_SERVER_WARNING)->name) != 0)
		return;
	said->n++;
	str_replace(&said->message, message);
}

static bool
is_listening(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_it = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return is_it;
}

Test(rest_tls, what_a_listener_waits_for_is_said_once_until_it_is_there)
{
	struct said said = { .n = 0 };
	struct role_map roles = { 0 };
	struct event_subscription *subscription;
	_cleanup_free_ char *here = NULL, *path = NULL;
	struct rest *rest;
	struct run r;
	struct world *w = &r.world;
	int port = free_port();

	run_begin(&r, 0);
	here = realpath(".", NULL);
	path = xasprintf("%s/rest.sock", here);
	subscription = events_subscribe(w->events, NULL, note_warning, &said);
	strlist_take(&w->conf.rest_listen, xasprintf("127.0.0.1:%d", port));
	w->conf.rest_certificate = xstrdup("a-90d");
	rest = rest_new(&w->service,
		&(struct rest_config){
			.path = path, .max_connections = 4, .max_connections_per_user = 4, .roles = &roles },
		NULL);
	cr_assert_not_null(rest);
	cr_expect_not_null(w->service.rest_warning);
	cr_expect_not(is_listening(port));
	world_run_until(w, world_now(w) + 1);
	cr_expect_eq(said.n, 1, "the certificate is not there yet");
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(said.n, 1, "%s", said.message);
	cr_expect_null(w->service.rest_warning);
	cr_expect(is_listening(port));
	rest_free(rest);
	cr_expect_not(is_listening(port));
	events_unsubscribe(subscription);
	free(said.message);
	run_end(&r);
}

Test(rest_tls, addresses_are_refused_that_would_be_open_to_all_without_tls)
{
	static const struct {
		const char *listen, *certificate;
		bool is_plain;
		const char *says; /* NULL: accepted */
	} cases[] = {
		{ "127.0.0.1:8443", NULL, true, NULL },
		{ "[::1]:8443", NULL, true, NULL },
		{ "192.0.2.1:8443", "www", false, NULL },
		{ "192.0.2.1:8443", "www", true, NULL },
		{ "127.0.0.1:8443", NULL, false, "requires rest-certificate" },
		{ "192.0.2.1:8443", NULL, true, "is not a loopback address" },
		{ "0.0.0.0:8443", NULL, true, "is not a loopback address" },
		{ "127.0.0.1", "www", false, "is not ADDRESS:PORT" },
		{ "localhost:8443", "www", false, "is not ADDRESS:PORT" },
		{ "127.0.0.1:1 192.0.2.1:1", NULL, true, "192.0.2.1:1 is not a loopback address" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct conf conf;

		conf_init(&conf);
		strlist_split(&conf.rest_listen, cases[i].listen, ' ');
		conf.rest_certificate = xstrdup_null(cases[i].certificate);
		conf.is_rest_plain = cases[i].is_plain;
		cr_expect_eq(
			rest_check_conf(&conf, &err), cases[i].says ? -1 : 0, "%s: %s", cases[i].listen, err.message);
		if (cases[i].says) {
			cr_expect_eq(err.code, ERROR_CONFIG, "%s", cases[i].listen);
			cr_expect_not_null(strstr(err.message, cases[i].says), "%s", err.message);
		}
		conf_clear(&conf);
	}
}
