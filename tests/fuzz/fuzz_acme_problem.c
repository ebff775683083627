/* The problem document of a CA, which becomes an error for an operator to read. */
#include "common/error.h"
#include "common/json.h"
#include "common/printable.h"
#include "daemon/acme/acme_problem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int status = size ? 400 + data[0] : 400;
	_cleanup_json_ struct json_object *problem = size ? json_parse((const char *)data + 1, size - 1, NULL) : NULL;

	if (!problem)
		return 0;
	for (int is_answer = 0; is_answer < 2; is_answer++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *url = NULL;

		if (is_answer)
			acme_problem_of_answer(problem, status, 0, &err);
		else
			acme_problem_of_validation(problem, &err);
		if (!error_is_set(&err) || !err.message || !printable_is_line(err.message, strlen(err.message)))
			abort();
		url = acme_problem_unpause_url(&err);
		if (strlen(err.message) > ACME_PROBLEM_TEXT_MAX || (url && !strstr(err.message, url)))
			abort();
		if (err.problem && !printable_is_line(err.problem, strlen(err.problem)))
			abort();
	}
	return 0;
}
