/* The rules: which key, what was seen, and what the operator has to do. The job is in dane_job.c. */
#include "daemon/renew/dane.h"

#include "common/name.h"
#include "common/timefmt.h"
#include "daemon/schedule/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_EVERY_SEC = 600, PORT_MAX = 65535, EMERGENCY_PART = 20 /* of the lifetime; as for renewals (policy.h) */ };

void
dane_schedule(struct store *store, struct store_txn *txn, const struct autocert *a, int64_t now)
{
	if (a->tlsa_names.count)
		schedule_set(store, txn, SCHEDULE_DANE, a->o.id, "", now);
	else
		schedule_del(store, txn, SCHEDULE_DANE, a->o.id);
}

/* --- the declaration --- */

/* "_25._tcp." Return: its length, 0: @name does not begin with it. */
static size_t
dane_prefix_length(const char *name)
{
	static const char *const transports[] = { "._tcp.", "._udp.", "._sctp." };
	char *end;
	long port;

	if (name[0] != '_' || name[1] < '1' || name[1] > '9')
		return 0;
	port = strtol(name + 1, &end, 10);
	for (size_t i = 0; port <= PORT_MAX && i < ARRAY_SIZE(transports); i++)
		if (strncasecmp(end, transports[i], strlen(transports[i])) == 0)
			return (size_t)(end - name) + strlen(transports[i]);
	return 0;
}

static int
dane_canonical_name(const char *name, char **ret, struct error *err)
{
	size_t len = dane_prefix_length(name);
	_cleanup_free_ char *host = NULL;

	if (len == 0)
		return error_set(
			err, ERROR_INVALID, "must be the owner name of a TLSA record: _25._tcp.mail.example.com");
	if (name_canonical(name + len, false, &host, err) < 0)
		return -1;
	if (host[0] == '*')
		return error_set(err, ERROR_INVALID, "must not have a wildcard: name each host");
	*ret = xasprintf("%.*s%s", (int)len, name, host);
	for (size_t i = 0; i < len; i++)
		if ((*ret)[i] >= 'A' && (*ret)[i] <= 'Z')
			(*ret)[i] = (char)((*ret)[i] + 'a' - 'A');
	return 0;
}

int
dane_canonical_names(struct strlist *names, struct error *err)
{
	_cleanup_strlist_ struct strlist canonical = STRLIST_INIT;

	for (size_t i = 0; i < names->count; i++) {
		_cleanup_error_ struct error why = ERROR_INIT;
		_cleanup_free_ char *name = NULL, *field = xasprintf("tlsaNames[%zu]", i);

		if (dane_canonical_name(names->items[i], &name, &why) < 0)
			return error_set_field(err, field, "%s", why.message);
		if (!strlist_has(&canonical, name))
			strlist_add(&canonical, name);
	}
	strlist_copy(names, &canonical);
	return 0;
}

static void
dane_forget_next(struct autocert *a)
{
	secret_clear(&a->next_key);
	str_replace(&a->tlsa_next, NULL);
	a->tlsa_seen_at = a->tlsa_ready_at = 0;
}

void
dane_redeclared(struct autocert *a)
{
	a->tlsa_seen_at = a->tlsa_ready_at = 0;
	error_clear(&a->tlsa_error);
	if (a->tlsa_names.count)
		return;
	dane_forget_next(a);
	str_replace(&a->tlsa, NULL);
	str_replace(&a->tlsa_former, NULL);
}

/* --- the key of the next certificate --- */

int64_t
dane_emergency_at(const struct autocert *a)
{
	return time_add(a->last_not_after_at, -time_add(a->last_not_after_at, -a->last_not_before_at) / EMERGENCY_PART);
}

enum dane_choice
dane_choose(const struct dane_in *in)
{
	const struct autocert *a = in->a;
	bool may_keep = in->may_reuse && !a->wants_new_key;

	if (a->tlsa_names.count == 0)
		return DANE_ANY;
	if (a->last_certificate && may_keep && (a->reuses_key || !in->has_next || !a->tlsa_ready_at))
		return DANE_OLD;
	if (!a->last_certificate || (in->has_next && a->tlsa_ready_at) || a->skips_limits ||
		in->now >= dane_emergency_at(a))
		return in->has_next ? DANE_NEXT : DANE_ANY;
	return DANE_WAIT;
}

char *
dane_wait_text(const struct autocert *a)
{
	return xasprintf("the certificate needs a new key, whose TLSA record is not published yet%s%s",
		a->tlsa_error.message ? ": " : "", a->tlsa_error.message ? a->tlsa_error.message : "");
}

char *
dane_tlsa(const unsigned char spki_sha256[32])
{
	struct buf text = BUF_INIT;

	buf_add_str(&text, "3 1 1 ");
	for (size_t i = 0; i < 32; i++)
		buf_printf(&text, "%02x", spki_sha256[i]);
	return buf_steal(&text);
}

void
dane_used(struct autocert *a, const unsigned char spki_sha256[32], const struct secret *der)
{
	_cleanup_free_ char *tlsa = NULL;

	if (a->tlsa_names.count == 0)
		return;
	tlsa = dane_tlsa(spki_sha256);
	if (a->tlsa && strcmp(a->tlsa, tlsa) == 0) {
		if (!a->reuses_key)
			strlist_add(&a->notes,
				"it has the key of the one before: the TLSA record of the next key was not seen on all "
				"name servers for its TTL");
		return;
	}
	if (a->tlsa && !a->tlsa_ready_at)
		strlist_take(
			&a->notes, xasprintf("its key was needed before its TLSA record was seen: publish %s", tlsa));
	str_replace(&a->tlsa_former, a->tlsa);
	str_replace(&a->tlsa, tlsa);
	if (secret_equal(&a->next_key, der))
		dane_forget_next(a);
}

/* --- looking --- */

void
dane_look_clear(struct dane_look *look)
{
	strlist_clear(&look->missing);
	strlist_clear(&look->unknown);
	strlist_clear(&look->unused);
	strlist_clear(&look->former);
}

/* "NAME IN TLSA 3 1 1 HASH, NAME ..." */
static void
dane_add_records(struct buf *text, const char *what, const struct strlist *names, const char *tlsa)
{
	if (names->count == 0)
		return;
	buf_printf(text, "%s%s ", text->len ? "; " : "", what);
	for (size_t i = 0; i < names->count; i++)
		buf_printf(text, "%s%.*s IN TLSA %s", i ? ", " : "", (int)strcspn(names->items[i], ":"),
			names->items[i], tlsa);
}

static void
dane_note_text(struct autocert *a, const struct dane_look *look)
{
	struct buf text = BUF_INIT;

	dane_add_records(&text, "publish for the certificate in use:", &look->unused, a->tlsa);
	if (look->missing.count) {
		dane_add_records(
			&text, "publish for the next key, and keep the present records:", &look->missing, a->tlsa_next);
		buf_printf(&text, " (%s)", look->missing.items[0]);
	}
	/* While a certificate waits for approval, the former key is in use. */
	if (a->tlsa_former && !a->waiting_certificate)
		dane_add_records(&text, "remove, its key is not used any more:", &look->former, a->tlsa_former);
	if (look->unknown.count)
		buf_printf(&text, "%scannot look for TLSA records: %s", text.len ? "; " : "", look->unknown.items[0]);
	error_clear(&a->tlsa_error);
	if (text.len)
		error_set(&a->tlsa_error, ERROR_STATE, "%s", buf_str(&text));
	buf_clear(&text);
}

int64_t
dane_note(struct autocert *a, const struct dane_look *look, int64_t now)
{
	int64_t ready_at;

	dane_note_text(a, look);
	if (look->former.count == 0 && look->unknown.count == 0 && !a->waiting_certificate)
		str_replace(&a->tlsa_former, NULL);
	if (look->missing.count || !a->tlsa_next) {
		a->tlsa_seen_at = a->tlsa_ready_at = 0;
		return time_add(now, LOOK_EVERY_SEC);
	}
	if (look->unknown.count)
		return time_add(now, LOOK_EVERY_SEC);
	if (a->tlsa_seen_at == 0 || a->tlsa_seen_at > now)
		a->tlsa_seen_at = now;
	ready_at = time_add(a->tlsa_seen_at, look->ttl);
	if (now >= ready_at) {
		a->tlsa_ready_at = a->tlsa_ready_at ? a->tlsa_ready_at : now;
		return time_add(now, LOOK_EVERY_SEC);
	}
	a->tlsa_ready_at = 0;
	return ready_at - now < LOOK_EVERY_SEC ? ready_at : time_add(now, LOOK_EVERY_SEC);
}
