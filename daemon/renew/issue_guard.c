/*
 * Part of issue.c: a new certificate is compared with the one in use (guard.h). The outcome is stored with it, in one
 * transaction: a certificate that waits does not become the auto-certificate's last one, so its rollout does not start.
 */
#include "daemon/renew/issue_private.h"

#include "common/crypto/x509.h"
#include "common/shell.h"
#include "daemon/renew/guard.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Return: 1 and its facts, 0 there is none that could be compared, -1. */
static int
issue_guard_load_old(const struct issue *issue, const struct autocert *a, struct certificate *ret_cert,
	struct cert_info *ret_info, struct error *err)
{
	_cleanup_buf_ struct buf pem = BUF_INIT;
	int found = a->last_certificate
			    ? object_peek(issue->env->store, &certificate_class, a->last_certificate, ret_cert, err)
			    : 0;

	if (found != 1)
		return found;
	buf_add(&pem, ret_cert->leaf_pem.data, ret_cert->leaf_pem.len);
	buf_add(&pem, ret_cert->chain_pem.data, ret_cert->chain_pem.len);
	return x509_chain_describe(pem.data, pem.len, issue->env->seen, ret_info, NULL) == 0;
}

void
issue_guard_read_roots(struct issue *issue, const char *file)
{
	str_replace(&issue->roots_file, file);
	buf_reset(&issue->roots);
	if (file && buf_read_file(&issue->roots, AT_FDCWD, file, X509_ROOTS_MAX_OCTETS, NULL) < 0)
		buf_reset(&issue->roots);
}

static void
issue_guard_check_roots(const struct issue *issue, const struct certificate *cert, struct strlist *differences)
{
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (!issue->roots_file)
		return;
	buf_add(&pem, cert->leaf_pem.data, cert->leaf_pem.len);
	buf_add(&pem, cert->chain_pem.data, cert->chain_pem.len);
	if (x509_chain_check_roots(pem.data, pem.len, &issue->roots, &why) < 0)
		strlist_take(differences,
			xasprintf("its chain does not lead to a root in '%s' (trustedRoots): %s", issue->roots_file,
				issue->roots.len ? why.message : "the file cannot be read"));
}

int
issue_guard_compare(const struct issue *issue, struct autocert *a, const struct certificate *cert,
	const struct cert_info *info, struct strlist *ret_differences, struct error *err)
{
	_cleanup_(cert_info_clear) struct cert_info old_info = { .serial = NULL };
	_cleanup_certificate_ struct certificate old = { 0 };
	_cleanup_strlist_ struct strlist notes = STRLIST_INIT;
	struct guard_in in = {
		.old = &old_info,
		.new = info,
		.new_key = cert->key_algorithm,
		.names = &issue->record.names,
		.is_redeclared = a->is_outdated,
	};
	int found = issue_guard_load_old(issue, a, &old, &old_info, err);

	strlist_copy(&a->notes, acme_order_notes(issue->order));
	if (issue->autocert.must_staple && !info->must_staple)
		strlist_add(&a->notes, "the CA has left out must-staple (mustStaple)");
	for (size_t i = 0; i < issue->dropped.count; i++)
		strlist_take(&a->notes, xasprintf("%s is left out, because the CA does not validate it (dropAfter)",
						issue->dropped.items[i]));
	a->waiting_until_at = 0;
	if (found < 0)
		return -1;
	issue_guard_check_roots(issue, cert, ret_differences);
	in.old_key = old.key_algorithm;
	if (found == 1)
		guard_compare(&in, ret_differences, &notes);
	for (size_t i = 0; i < ret_differences->count; i++)
		strlist_add(&a->notes, ret_differences->items[i]);
	for (size_t i = 0; i < notes.count; i++)
		strlist_add(&a->notes, notes.items[i]);
	if (found == 1 && ret_differences->count > 0 && !old.is_revoked && !old.revoke_reason && !a->is_outdated)
		a->waiting_until_at = guard_hold_until(
			a->guard, old.not_before_at, old.not_after_at, issue_now(issue->env));
	return 0;
}

void
issue_guard_report(const struct issue *issue, struct store_txn *txn, const struct autocert *a,
	const struct certificate *cert, const struct strlist *differences)
{
	bool is_waiting = a->waiting_until_at;
	struct event_object object = issue_object(issue);
	_cleanup_free_ char *text = strlist_join(differences, "; ");
	_cleanup_free_ char *approve = shell_certctl("approve", a->o.name, NULL);
	struct json_object *data;

	if (differences->count == 0 || (!is_waiting && a->guard && strcmp(a->guard, "pass") == 0))
		return;
	data = json_object_new_object();
	json_add_string(data, "certificate", cert->o.id);
	json_add_strlist(data, "differences", differences);
	if (is_waiting) {
		json_add_time(data, "until", a->waiting_until_at);
		event_emit(issue->env->events, txn, EVENT_CERTIFICATE_WAITING, &object, data,
			"the renewed certificate waits for approval: %s; to deploy it: %s", text, approve);
	} else {
		event_emit(issue->env->events, txn, EVENT_CERTIFICATE_DIFFERS, &object, data,
			"the new certificate differs from the one before, or from what is declared: %s", text);
	}
}
