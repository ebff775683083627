/* daemon/base/signer_private.h: what certd and the program that signs for it have agreed on. */
#ifndef DAEMON_BASE_SIGNER_PRIVATE_H
#define DAEMON_BASE_SIGNER_PRIVATE_H

/* The request: two lines, the URI and the module, then the octets. The answer: one line. */
#define SIGNER_ANSWER "signature "

enum {
	SIGNER_REQUEST_MAX = 256 * 1024,
	SIGNER_ANSWER_MAX = 16 * 1024,
	SIGNER_STATUS_REFUSED = 1 /* the last line says why */
};

#endif
