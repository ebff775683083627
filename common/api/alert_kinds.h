/*
 * common/api/alert_kinds.h: the kinds of alert destinations, the templates of webhooks, and the conditions that are
 * reported, one row each. The API's properties, certctl's help and the daemon's tables are made from them.
 *
 * A new kind is a row here, its settings in alert_kinds.c (see kinds.h), and daemon/alert/alert_<kind>.c with its
 * struct alert_kind (daemon/alert/alert_kind.h). A new condition is a row here and its function in
 * daemon/alert/condition.c.
 */
#ifndef COMMON_API_ALERT_KINDS_H
#define COMMON_API_ALERT_KINDS_H

#include "common/api/kinds.h"

/* clang-format off */
#define ALERT_KINDS(KIND) \
	KIND(webhook, "an HTTP request") \
	KIND(mail, "an e-mail by SMTP") \
	KIND(command, "a program")

/* The first is the default. */
#define ALERT_TEMPLATES(TEMPLATE) \
	TEMPLATE(json, "certd's own") \
	TEMPLATE(slack, "Slack") \
	TEMPLATE(mattermost, "Mattermost") \
	TEMPLATE(ntfy, "ntfy") \
	TEMPLATE(alertmanager, "Prometheus Alertmanager")

/* The word, which is on disk and in scripts, and the title in messages; the worst first. */
#define CONDITIONS(CONDITION) \
	CONDITION(expired, "certificate has expired") \
	CONDITION(revoked, "CA has revoked the certificate") \
	CONDITION(foreign, "certificate that certd did not order") \
	CONDITION(store, "certd cannot store its state") \
	CONDITION(clock, "clock is wrong") \
	CONDITION(audit, "audit log was altered") \
	CONDITION(account, "account with the CA is unusable") \
	CONDITION(late, "certificate is not renewed in time") \
	CONDITION(paused, "certificate expires while it is paused") \
	CONDITION(persist, "record for dns-persist-01 is missing or ends") \
	CONDITION(dane, "TLSA records have to be changed") \
	CONDITION(stale, "certificate is not served") \
	CONDITION(refused, "CA does not issue the certificate") \
	CONDITION(dropped, "certificate lacks names that fail") \
	CONDITION(fallback, "order goes to a fallback provider") \
	CONDITION(unready, "next renewal would fail") \
	CONDITION(undeployed, "certificate cannot be deployed") \
	CONDITION(approval, "new certificate waits for approval") \
	CONDITION(rolledback, "an earlier certificate is deployed") \
	CONDITION(changed, "files were changed by others")
/* clang-format on */

#define ALERT_KIND_NAME(kind, help) #kind,
#define CONDITION_WORD(word, title) #word,
#define CONDITION_HELP(word, title) " " #word

extern const struct api_kinds alert_kinds;

#endif
