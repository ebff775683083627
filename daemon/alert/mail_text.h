/* daemon/alert/mail_text.h: a message as an e-mail (RFC 5322, RFC 2045 to 2047). Pure. */
#ifndef DAEMON_ALERT_MAIL_TEXT_H
#define DAEMON_ALERT_MAIL_TEXT_H

#include "common/strlist.h"
#include "daemon/alert/message.h"

/*
 * mail_text() - the whole mail, lines that end with CR LF
 * Message-ID is made from the id of the message, so that a mail that is sent again is recognized. Those about one
 * incident refer to its first one. No text of @m can begin a header field: they are encoded words, or end at the first
 * line.
 * @from, @to: addresses
 * @now: UNIX seconds
 */
void
mail_text(const struct message *m, const char *host, const char *from, const struct strlist *to, int64_t now,
	struct buf *ret);

#endif
