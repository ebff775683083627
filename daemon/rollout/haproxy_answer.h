/*
 * daemon/rollout/haproxy_answer.h: what the answers of HAProxy's runtime API mean. There are no status codes: only
 * known words mean success. Pure. @answer: as it was received, ended by a NUL.
 */
#ifndef DAEMON_ROLLOUT_HAPROXY_ANSWER_H
#define DAEMON_ROLLOUT_HAPROXY_ANSWER_H

#include <stdbool.h>

/* "show ssl cert FILE": does HAProxy know that file? */
bool
haproxy_answer_is_known(const char *answer);

/* The same: is its certificate the one with that serial number? @serial: hexadecimal, perhaps with colons. */
bool
haproxy_answer_has_serial(const char *answer, const char *serial);

/* The same: is it in no crt-list? */
bool
haproxy_answer_is_unused(const char *answer);

/* "show ssl cert": the file of an open transaction; owned by the caller; NULL: none is open. */
char *
haproxy_answer_transaction(const char *answer);

/* "new ssl cert FILE" */
bool
haproxy_answer_is_new(const char *answer);

/* "set ssl cert FILE": whose transaction has taken the certificate? */
enum haproxy_taken { HAPROXY_TAKEN_NOT, HAPROXY_TAKEN, HAPROXY_TAKEN_BY_OTHERS };

enum haproxy_taken
haproxy_answer_taken(const char *answer, const char *path);

/* "commit ssl cert", "add ssl crt-list" */
bool
haproxy_answer_is_success(const char *answer);

#endif
