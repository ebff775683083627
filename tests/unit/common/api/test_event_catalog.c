#include "common/api/event_catalog.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

/* As `journalctl` reads ids, and different ones. */
Test(event_catalog, each_kind_has_an_id_of_its_own_which_never_changes)
{
	const char *ids[EVENT_KIND_COUNT];

	for (unsigned i = 0; i < EVENT_KIND_COUNT; i++) {
		ids[i] = event_message_id(event_info((enum event_kind)i));
		cr_expect_eq(strspn(ids[i], "0123456789abcdef"), 32, "%s", ids[i]);
		cr_expect_eq(ids[i][12], '8', "%s is a UUID of version 8", ids[i]);
		for (unsigned k = 0; k < i; k++)
			cr_expect_str_neq(ids[i], ids[k]);
	}
	/* From: printf 'certd event issue.failed' | sha256sum */
	cr_expect_str_eq(event_message_id(event_info(EVENT_ISSUE_FAILED)), "c53d05adfd108b49986702851a2c4835");
}

Test(event_catalog, each_warning_and_error_says_what_to_do)
{
	for (unsigned i = 0; i < EVENT_KIND_COUNT; i++) {
		const struct event_info *info = event_info((enum event_kind)i);
		const char *advice = event_advice((enum event_kind)i);

		cr_expect(advice || info->level > EVENT_WARNING, "%s: its advice in event_catalog.c is missing",
			info->name);
		cr_expect(!advice || !strpbrk(advice, "\n@"), "%s", info->name);
	}
}

Test(event_catalog, each_kind_has_an_entry)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t entries = 0;

	event_catalog(&text);
	for (const char *p = buf_str(&text); (p = strstr(p, "\n-- ")); p++)
		entries++;
	cr_expect_eq(entries, EVENT_KIND_COUNT);
	cr_expect_not_null(strstr(buf_str(&text), "Subject: A certificate could not be issued\nDefined-By: certd\n"));
}

/* As a whole: what journalctl shows, with the advice of that kind and of no other. */
Test(event_catalog, an_entry_has_subject_manual_level_and_advice)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	event_catalog(&text);
	cr_expect_eq(strncmp(buf_str(&text), "# The events of certd, for journalctl -x. ", 42), 0);
	cr_expect_not_null(strstr(buf_str(&text),
		"\n\n-- c53d05adfd108b49986702851a2c4835\nSubject: A certificate could not be issued\n"
		"Defined-By: certd\nDocumentation: man:certd(8)\n\n"
		"Kind of event: issue.failed. Its level is error.\n\n"
		"certd retries, at least daily, and the present certificate stays in use. To see what certd does next, "
		"and why: certctl explain NAME\n\n-- "));
	cr_expect_not_null(
		strstr(buf_str(&text), "\n\nKind of event: server.started. Its level is info.\n\n-- "), "no advice");
}
