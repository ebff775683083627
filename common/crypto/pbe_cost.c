/*
 * The cost of a password. The file decides the number of iterations: without a bound, 200 octets keep a thread busy for
 * an hour.
 */
#include "common/crypto/pbe_cost.h"

#include "common/crypto/ossl.h"
#include "common/error.h"

#include <openssl/asn1t.h>

/* OpenSSL limits N*r*128 octets of memory (32 MiB); p multiplies the time. */
enum { SCRYPT_MAX_PARALLEL = 16 };

static int
unreadable(struct error *err)
{
	ERR_clear_error();
	return error_set(err, ERROR_INVALID, "is encrypted with unreadable parameters");
}

int
pbe_cost_take_iterations(const ASN1_INTEGER *iterations, int64_t *budget, struct error *err)
{
	int64_t n = 1;

	if (iterations && ASN1_INTEGER_get_int64(&n, iterations) != 1)
		n = INT64_MAX;
	if (n < 1)
		return unreadable(err);
	if (n > *budget)
		return error_set(err, ERROR_INVALID, "needs more than %d iterations to decrypt; encrypt it with fewer",
			PBE_BUDGET);
	*budget -= n;
	return 0;
}

static int
take_pbkdf2(const X509_ALGOR *kdf, int64_t *budget, struct error *err)
{
	PBKDF2PARAM *param = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), kdf->parameter);
	int rc = param ? pbe_cost_take_iterations(param->iter, budget, err) : unreadable(err);

	PBKDF2PARAM_free(param);
	return rc;
}

static int
take_scrypt(const X509_ALGOR *kdf, struct error *err)
{
	SCRYPT_PARAMS *param = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), kdf->parameter);
	int64_t parallel = 0;
	int rc = 0;

	if (!param || ASN1_INTEGER_get_int64(&parallel, param->parallelizationParameter) != 1)
		rc = unreadable(err);
	else if (parallel < 1 || parallel > SCRYPT_MAX_PARALLEL)
		rc = error_set(err, ERROR_INVALID, "has scrypt parameters that are too large");
	SCRYPT_PARAMS_free(param);
	return rc;
}

static int
take_pbes2(const X509_ALGOR *algor, int64_t *budget, struct error *err)
{
	PBE2PARAM *param = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algor->parameter);
	int rc;

	if (!param)
		return unreadable(err);
	switch (OBJ_obj2nid(param->keyfunc->algorithm)) {
	case NID_id_pbkdf2:
		rc = take_pbkdf2(param->keyfunc, budget, err);
		break;
	case NID_id_scrypt:
		rc = take_scrypt(param->keyfunc, err);
		break;
	default:
		rc = unreadable(err);
	}
	PBE2PARAM_free(param);
	return rc;
}

int
pbe_cost_take(const X509_ALGOR *algor, int64_t *budget, struct error *err)
{
	PBEPARAM *param;
	int rc;

	if (OBJ_obj2nid(algor->algorithm) == NID_pbes2)
		return take_pbes2(algor, budget, err);
	param = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algor->parameter);
	rc = param ? pbe_cost_take_iterations(param->iter, budget, err) : unreadable(err);
	PBEPARAM_free(param);
	return rc;
}
