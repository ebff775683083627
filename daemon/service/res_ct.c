/* ct: what others have got certificates for (daemon/renew/ct.h). */
#include "daemon/renew/ct.h"

#include "common/json.h"
#include "daemon/service/handlers.h"

int
ct_list(struct call *call, struct json_object *params _unused_, struct error *err)
{
	return ct_list_findings(call->service->issue_env, &call->result, err);
}

int
ct_acknowledge(struct call *call, struct json_object *params, struct error *err)
{
	const char *id = json_object_get_string(json_path(params, "finding"));

	return ct_finding_acknowledge(call->service->issue_env, call_txn(call), id, call->peer->label, err);
}
