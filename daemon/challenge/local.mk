# daemon/challenge
