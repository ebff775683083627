/* mustStaple: does the CA still run OCSP responders? The certificate in use shows it. */
#include "common/crypto/x509.h"
#include "daemon/ready/ready_private.h"

static void
staple_start(struct ready_step *s)
{
	const struct autocert *a = &s->run->a;
	_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };
	_cleanup_certificate_ struct certificate last = { 0 };

	if (a->must_staple && a->last_certificate &&
		object_peek(s->run->ready->store, &certificate_class, a->last_certificate, &last, NULL) == 1 &&
		x509_chain_describe(last.leaf_pem.data, last.leaf_pem.len, NULL, &info, NULL) == 0 && !info.has_ocsp)
		ready_add(s, READY_WARNING,
			"the certificate in use does not name an OCSP responder: the CA may refuse mustStaple, and "
			"servers would have nothing to staple");
	ready_next(s);
}

const struct ready_check ready_check_staple = { .word = "staple", .start = staple_start };
