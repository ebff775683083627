# daemon/rollout
