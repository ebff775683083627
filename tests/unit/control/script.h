/*
 * tests/unit/control/script.h: a file of calls and of what certd answers to them. Each line is a call; the lines after
 * it that begin with a tab are what it caused: the answer, then the events.
 *
 *   # text                          a comment
 *   provider.create {"name": ..}    a method with its parameters; the caller is root unless a line says otherwise
 *   GET /providers?limit=1          a request to the REST socket, by root; what follows the path is the body
 *   bearer GET /status              the same over TCP, with the token that was shown last
 *   as viewer                       the caller from now on: viewer, operator, admin, scoped (operator of *.in.test),
 *                                   of-provider (of the provider "ca"), of-label (of the label "shop")
 *   later 90d                       certd runs for that long
 *   weather down                    what the CAs do from now on (weather_name())
 *   limit max-auto-certificates 2   a setting of certd.conf, from now on
 *   damage provider ca              the record of an object cannot be read any more
 *   words on                        the wording of messages is shown; off: masked again
 *   export pipe {"ref": ..}         certificate.export to another descriptor than a memfd: nothing, pipe, device, proc,
 *                                   path, read-only
 *
 * {NAME} in a call is a text of the test, such as a certificate; {LAST} is the id of the object that was shown last. In
 * answers, ids are numbered in the order in which they appear. The wording of messages and what differs from run to run
 * (hashes, sizes, jittered times) are masked. Times are relative to now, in seconds; "later" is a future time.
 *
 * With UPDATE_EXPECTED=1 in the environment the file is written anew; read the difference before you commit it.
 */
#ifndef TESTS_UNIT_CONTROL_SCRIPT_H
#define TESTS_UNIT_CONTROL_SCRIPT_H

#include <stddef.h>

struct script_text {
	const char *name, *value;
};

/* Runs the file; the test fails at the first answer that is not as it was. @texts: ends with a NULL name. */
void
script_run(const char *file, const struct script_text *texts);

/*
 * As script_run(), but each method is first called again and again: once for each record that it reads, which fails to
 * be read, while nothing can be written. Answers are not compared.
 * @ret_tolerated: for each method, is increased by the number of failed reads that made no difference
 */
void
script_run_with_faults(const char *file, const struct script_text *texts, size_t *ret_tolerated);

/* The test fails unless @got is the content of the file; with UPDATE_EXPECTED=1 it becomes that. */
void
script_expect(const char *file, const char *got);

/* The whole file beside the tests' sources; owned by the caller. */
char *
script_read(const char *file);

#endif
