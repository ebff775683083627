/* Names of kinds never change, as clients depend on them, and so their ids do not either. */
#include "common/api/event_catalog.h"

#include "common/alloc.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_OF "certd event "
enum { EVENT_MESSAGE_ID_SIZE = 33 };

#define EXPLAIN "To see what certd does next, and why: certctl explain NAME"

/* Each warning and error has a row; a test says which one is missing. */
static const char *const advices[EVENT_KIND_COUNT] = {
	[EVENT_SERVER_WARNING] = "certctl status shows the warnings that are still true.",
	[EVENT_STORE_FAILED] =
		"Nothing can be changed or renewed until the store can be written. Usually the disk is full, "
		"or failing. certd goes on by itself when it can.",
	[EVENT_CLOCK_CHANGED] = "If the clock is wrong, correct it: certd issues nothing while it is behind. certd has "
				"planned its work anew.",
	[EVENT_ACCESS_DENIED] =
		"If the caller should have the role, see admin-groups, operator-groups, viewer-groups and "
		"scopes in certd.conf(5), or create a token with certctl add-token.",
	[EVENT_ACCOUNT_FAILED] =
		"No certificate is issued with the provider until it has an account; certd retries. To see "
		"what the CA says: certctl explain provider NAME",
	[EVENT_ACCOUNT_REPLACED] =
		"Whatever names the former account is void: CAA records with accounturi=, and TXT records at "
		"_validation-persist. Replace its URL there. To let certd ask first: certctl set provider NAME "
		"--account-lost fail",
	[EVENT_ISSUE_FAILED] = "certd retries, at least daily, and the present certificate stays in use. " EXPLAIN,
	[EVENT_DEPLOY_FAILED] = "certd retries; servers keep the files that they have loaded. " EXPLAIN,
	[EVENT_PROBE_STALE] =
		"The server has not loaded the newest files: reload it, and check that it reads those that "
		"certd writes. " EXPLAIN,
	[EVENT_PROBE_MISMATCH] = "Another server answers there, or the server chooses its default certificate for this "
				 "name. Check its configuration.",
	[EVENT_PROBE_INCOMPLETE] = "The server presents only the leaf: configure the full chain (fullchain.pem or "
				   "bundle.pem).",
	[EVENT_PROBE_INVALID] = "Clients refuse it: check this host's clock, and why it was not renewed. " EXPLAIN,
	[EVENT_PROBE_UNREACHABLE] = "Check that the server runs, and that this host may connect to the endpoint.",
	[EVENT_CLEANUP_FAILED] = "certd retries. The record does no harm; it may be removed manually.",
	[EVENT_AUTHORIZATION_PENDING] = "Publish the TXT record, then run: certctl validate NAME",
	[EVENT_AUTHORIZATION_FAILED] =
		"Check that the authoritative servers answer with the TXT record, then request it "
		"again with certctl authorize.",
	[EVENT_CERTIFICATE_EXPIRING] = "certd cannot renew it. Import another one: certctl import --replace NAME",
	[EVENT_CERTIFICATE_EXPIRED] = "Clients refuse it. Import another one: certctl import --replace NAME",
	[EVENT_CONSUMER_STALE] =
		"Reload the server by hand, and check that it reads the files that certd writes. " EXPLAIN,
	[EVENT_DEPLOY_ROLLED_BACK] =
		"The newest certificate is not in use; certd does not deploy it again by itself. " EXPLAIN,
	[EVENT_DEPLOY_CHANGED] =
		"certd writes the files again each time. Find out which program changes them, and stop it; another "
		"ACME client may still be running.",
	[EVENT_RENEWAL_HELD] =
		"The CA's renewal information is probably wrong. To order at once all the same: certctl renew NAME",
	[EVENT_RENEWAL_UNREADY] =
		"Correct the cause before the renewal is due; certctl explain NAME shows the evidence. To check again: "
		"certctl check NAME",
	[EVENT_RENEWAL_UNKNOWN] =
		"certd renews by its own rule and asks the CA again. Until then it does not see if the CA wants the "
		"certificate replaced early, for example because it will be revoked.",
	[EVENT_CERTIFICATE_DIFFERS] =
		"Check that its clients and servers accept it. To hold such certificates until they are approved: "
		"certctl set auto NAME --guard hold",
	[EVENT_CERTIFICATE_WAITING] = "To deploy it: certctl approve NAME. To order another one: certctl renew NAME",
	[EVENT_CERTIFICATE_REVOKED] = "Clients may refuse it from now on. Check that no server uses it any more.",
	[EVENT_CERTIFICATE_REVOKE_FAILED] = "certctl show cert NAME shows the reason, and whether certd tries again.",
	[EVENT_REVOCATION_UNKNOWN] =
		"certd retries, at least daily. Until then it does not see if the CA revokes these certificates. "
		"certctl explain CERTIFICATE shows when its list could be used last.",
	[EVENT_REHEARSAL_FAILED] =
		"The certificate in use and its renewal are not affected, but the renewal may fail for the same "
		"reason. Remove the cause, and rehearse again: certctl rehearse NAME",
	[EVENT_CERTIFICATE_FOREIGN] =
		"If somebody of yours has ordered it: certctl ct --acknowledge FINDING, or declare its issuer in "
		"ct-known-issuers. Otherwise ask the issuer to revoke it, and restrict the CAs by a CAA record.",
	[EVENT_TRANSPARENCY_UNKNOWN] =
		"certd retries, at least daily. Until then it does not see certificates that others get for the "
		"domain. Check ct-source in certd.conf; certctl ct shows the last error.",
	[EVENT_ALERT_FAILED] = "certd retries. To test the destination: certctl alert test NAME",
};

static void
event_make_id(const struct event_info *info, char ret[EVENT_MESSAGE_ID_SIZE])
{
	_cleanup_free_ char *text = xasprintf(ID_OF "%s", info->name);
	unsigned char hash[EVP_MAX_MD_SIZE];

	if (EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) != 1)
		abort(); /* out of memory */
	hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x80);
	hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < (EVENT_MESSAGE_ID_SIZE - 1) / 2; i++)
		snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

const char *
event_message_id(const struct event_info *info)
{
	static char ids[EVENT_KIND_COUNT][EVENT_MESSAGE_ID_SIZE];
	char *id = ids[info - event_info(0)];

	if (!*id)
		event_make_id(info, id);
	return id;
}

const char *
event_advice(enum event_kind kind)
{
	return advices[kind];
}

/* The fields of an event are named in @...@, for journalctl to fill in. */
static void
add_entry(struct buf *ret, enum event_kind kind)
{
	const struct event_info *info = event_info(kind);

	buf_printf(ret, "-- %s\nSubject: %c%s\nDefined-By: certd\nDocumentation: man:certd(8)\n\n",
		event_message_id(info), toupper((unsigned char)info->help[0]), info->help + 1);
	buf_printf(ret, "Kind of event: %s. Its level is %s.\n", info->name, event_level_name(info->level));
	if (event_advice(kind))
		buf_printf(ret, "\n%s\n", event_advice(kind));
	buf_add_char(ret, '\n');
}

void
event_catalog(struct buf *ret)
{
	buf_add_str(ret, "# The events of certd, for journalctl -x. Made by certd --help-events.\n\n");
	for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++)
		add_entry(ret, (enum event_kind)kind);
}
