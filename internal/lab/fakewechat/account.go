package fakewechat

func (s *Server) classicToken(q *request) (any, *refusal) {
	get := q.query.Get
	if no := s.account(get("appid"), get("secret"), get("grant_type")); no != nil {
		return nil, no
	}
	if no := s.quota.take(TokenPath); no != nil {
		return nil, no
	}
	return s.tokens.newClassic(), nil
}

func (s *Server) stableToken(q *request) (any, *refusal) {
	if no := q.hasJSON(); no != nil {
		return nil, no
	}
	get := func(key string) string { v, _ := q.json.text(key); return v }
	if no := s.account(get("appid"), get("secret"), get("grant_type")); no != nil {
		return nil, no
	}
	if no := s.quota.take(StableTokenPath); no != nil {
		return nil, no
	}
	switch string(q.json["force_refresh"]) {
	case "true":
		return s.tokens.forceStable()
	case "false", "":
		return s.tokens.getStable(), nil
	}
	return nil, refuse(47001) // true in quotes, 1, null
}

// account checks the appid before the grant_type: the one probe known of the real order.
func (s *Server) account(appid, secret, grantType string) *refusal {
	switch {
	case appid == "":
		return refuse(41002)
	case appid != s.o.AppID:
		return refuse(40013)
	case grantType != "client_credential":
		return refuse(40002)
	case secret == "":
		return refuse(41004)
	case secret != s.o.Secret:
		return refuse(40125)
	}
	return nil
}
