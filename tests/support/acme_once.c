/*
 * acme_once: orders certificates from a real CA with daemon/acme and the real HTTP transport, and nothing else of
 * certd: proves the protocol by itself, and shows what it costs. For tests, which read its output:
 *
 *	acme_once -d DIRECTORY [-c CA-FILE] [-n ORDERS] [-j AT-ONCE] [-e EAB-ID:KEY] [-p PREFERRED] [-t TYPE]
 *		[-a] [-o FILE] NAME...
 *
 * -n makes so many orders, of which all but the first have their number before each name. With -a each challenge is
 * published by who runs us: "challenge NAME TYPE TOKEN KEY-AUTHORIZATION" is printed, and a line "ok" read; without
 * it nothing is published (for a CA that validates everything). -t chooses the kind of challenge. The chain of the
 * first order goes to FILE.
 */
#include "common/crypto/base64url.h"
#include "common/crypto/csr.h"
#include "common/crypto/jws.h"
#include "common/crypto/key.h"
#include "common/crypto/secret.h"
#include "common/crypto/x509.h"
#include "daemon/acme/acme_order.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct once {
	struct clock *clock;
	struct loop *loop;
	struct acme_client *client;
	const char *preferred;
	const char *type;
	const char *out_file;
	char **names;
	size_t n_names;
	bool ask;
	size_t orders, at_once;
	size_t started, ended, issued;
};

struct one {
	struct once *once;
	struct acme_order *order;
	struct key *key;
	struct strlist names;
	size_t number;
};

static void
start_more(void *arg);

static void
one_save_url(const char *url, void *arg)
{
	struct one *one = arg;

	(void)url;
	acme_order_saved(one->order, NULL);
}

/* Asks the caller to publish the challenge, and waits for that. */
static bool
publish(const struct one *one, const struct acme_authorization *authz, size_t choice)
{
	const struct acme_challenge *c = &authz->challenges[choice];
	_cleanup_free_ char *text = jws_key_authorization(c->token, acme_client_thumbprint(one->once->client));
	char line[16];

	printf("challenge %s %s %s %s\n", authz->name, c->type, c->token, text);
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) && strcmp(line, "ok\n") == 0;
}

static void
one_solve(size_t index, const struct acme_authorization *authz, void *arg)
{
	struct one *one = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	size_t choice = 0;

	while (choice < authz->n_challenges && strcmp(authz->challenges[choice].type, one->once->type) != 0)
		choice++;
	if (choice == authz->n_challenges)
		choice = 0;
	if (one->once->ask && !publish(one, authz, choice))
		error_set(&err, ERROR_DNS, "not published");
	acme_order_solved(one->order, index, choice, error_is_set(&err) ? &err : NULL);
}

static void
one_unsolve(size_t index, void *arg)
{
	(void)index;
	(void)arg;
}

static void
one_csr(void *arg)
{
	struct one *one = arg;
	_cleanup_buf_ struct buf der = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (key_generate(KEY_SECP256R1, &one->key, &err) == 0)
		csr_make(one->key, &(struct csr_content){ .names = &one->names }, &der, &err);
	acme_order_csr(one->order, &der, error_is_set(&err) ? &err : NULL);
}

static int
check_chain(const struct one *one, const struct buf *chain, struct error *err)
{
	struct x509_asked asked = { .names = &one->names, .now = clock_wall(one->once->clock) };
	_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };
	_cleanup_buf_ struct buf leaf = BUF_INIT;
	_cleanup_buf_ struct buf rest = BUF_INIT;
	_cleanup_strlist_ struct strlist doubts = STRLIST_INIT;
	int fd;
	int r;

	if (key_spki_sha256(one->key, asked.spki, err) < 0 ||
		x509_chain_accept(chain->data, chain->len, &asked, &leaf, &rest, &info, &doubts, err) < 0)
		return -1;
	if (doubts.count > 0)
		return error_set(err, ERROR_PROTOCOL, "%s", doubts.items[0]);
	if (one->number > 0 || !one->once->out_file)
		return 0;
	fd = open(one->once->out_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, ERROR_IO, "open '%s'", one->once->out_file);
	r = buf_write_fd(chain, fd, err);
	close(fd);
	return r;
}

static void
one_done(const struct buf *chain, const struct error *err, bool is_spent, void *arg)
{
	struct one *one = arg;
	struct once *once = one->once;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err)
		error_copy(&why, err);
	else
		check_chain(one, chain, &why);
	if (error_is_set(&why)) {
		printf("failed %s %s%s: %s\n", one->names.items[0], error_code_name(why.code),
			is_spent ? " (spent)" : "", why.message);
	} else {
		once->issued++;
	}
	acme_order_free(one->order);
	key_free(one->key);
	strlist_clear(&one->names);
	free(one);
	if (++once->ended == once->orders)
		loop_stop(once->loop);
	else
		loop_defer(once->loop, start_more, once);
}

static void
start_one(struct once *once)
{
	static const struct acme_order_ops ops = {
		.save_url = one_save_url,
		.solve = one_solve,
		.unsolve = one_unsolve,
		.csr = one_csr,
		.done = one_done,
	};
	struct one *one = xcalloc(1, sizeof(*one));

	one->once = once;
	one->number = once->started++;
	for (size_t i = 0; i < once->n_names; i++)
		strlist_take(&one->names,
			one->number ? xasprintf("n%zu.%s", one->number, once->names[i]) : xstrdup(once->names[i]));
	one->order = acme_order_new(once->loop, once->client,
		&(struct acme_order_config){
			.names = &one->names,
			.preferred_chain = once->preferred,
			.give_up_ms = 20000,
		},
		&ops, one);
	acme_order_start(one->order);
}

static void
start_more(void *arg)
{
	struct once *once = arg;

	while (once->started < once->orders && once->started - once->ended < once->at_once)
		start_one(once);
}

static void
registered(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct once *once = arg;

	(void)reply;
	if (err) {
		printf("failed account %s: %s\n", error_code_name(err->code), err->message);
		loop_stop(once->loop);
		return;
	}
	start_more(once);
}

static void
run(struct once *once, const struct http *http, const struct acme_client_config *config, char *eab)
{
	_cleanup_secret_ struct secret eab_key = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct acme_account_request request = { .email = "test@example.com", .has_agreed_terms = true };
	struct key *key = NULL;
	char *colon = eab ? strchr(eab, ':') : NULL;
	int64_t start_ms = clock_boot_ms(once->clock);

	if (colon && base64_decode_any(colon + 1, strlen(colon + 1), &eab_key, &err) == 0) {
		*colon = '\0';
		request.eab_key_id = eab;
		request.eab_key = &eab_key;
	}
	if (key_generate(KEY_SECP256R1, &key, &err) < 0)
		return;
	once->client = acme_client_new(once->loop, http, config, key);
	acme_account_register(once->client, &request, registered, once);
	loop_run(once->loop, &err);
	acme_client_free(once->client);
	printf("issued %zu of %zu in %lld ms\n", once->issued, once->orders,
		(long long)(clock_boot_ms(once->clock) - start_ms));
}

int
main(int argc, char **argv)
{
	struct once once = { .orders = 1, .at_once = 8, .type = "dns-01" };
	struct acme_client_config config = { .directory_url = NULL };
	struct http_curl *curl;
	struct dns *dns;
	char *eab = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "d:c:n:j:e:p:t:o:a")) != -1)
		switch (opt) {
		case 'd':
			config.directory_url = optarg;
			break;
		case 'c':
			config.ca_file = optarg;
			break;
		case 'n':
			once.orders = strtoul(optarg, NULL, 10);
			break;
		case 'j':
			once.at_once = strtoul(optarg, NULL, 10);
			break;
		case 'e':
			eab = optarg;
			break;
		case 'p':
			once.preferred = optarg;
			break;
		case 't':
			once.type = optarg;
			break;
		case 'o':
			once.out_file = optarg;
			break;
		case 'a':
			once.ask = true;
			break;
		default:
			return 64;
		}
	once.names = argv + optind;
	once.n_names = (size_t)(argc - optind);
	if (!config.directory_url || once.n_names == 0 || secret_process_init(true, NULL) < 0)
		return 64;
	once.clock = clock_new_real();
	once.loop = loop_new(once.clock);
	dns = dns_new(once.loop, NULL, NULL);
	curl = http_curl_new(once.loop, dns, &(struct http_curl_config){ .user_agent = "acme_once/1" }, NULL);
	run(&once, http_curl_transport(curl), &config, eab);
	http_curl_free(curl);
	dns_free(dns);
	loop_free(once.loop);
	clock_free(once.clock);
	return once.issued < once.orders;
}
