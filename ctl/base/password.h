/* ctl/base/password.h: asking for a password on the terminal. */
#ifndef CTL_BASE_PASSWORD_H
#define CTL_BASE_PASSWORD_H

#include "common/crypto/secret.h"

/*
 * password_ask() - read one line from /dev/tty without echo
 * Return: 1 and the password (may be empty), 0 there is no terminal, -1 failed or interrupted.
 */
int
password_ask(const char *prompt, struct secret *ret, struct error *err);

#endif
