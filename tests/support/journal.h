/* tests/support/journal.h: a socket in the place of journald's, for tests of what is logged. */
#ifndef TESTS_SUPPORT_JOURNAL_H
#define TESTS_SUPPORT_JOURNAL_H

/* In a mount namespace of this test's own. Return: the socket, or -1: not allowed. */
int
journal_listen(void);

/* Makes stderr look like the journal's stream to the next log_new(). */
void
journal_pretend_stream(void);

#endif
