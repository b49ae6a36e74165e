// scs with its Redis store, as its README sets it up. https://github.com/alexedwards/scs
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"

	"github.com/alexedwards/scs/redisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/gomodule/redigo/redis"
)

func main() {
	pool := &redis.Pool{
		MaxIdle: 10,
		Dial:    func() (redis.Conn, error) { return redis.DialURL(os.Getenv("REDIS_URL")) },
	}
	sessions := scs.New()
	sessions.Store = redisstore.NewWithPrefix(pool, "scs:")

	reply := func(w http.ResponseWriter, body any) { _ = json.NewEncoder(w).Encode(body) }
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Username, Password string }
		if json.NewDecoder(r.Body).Decode(&body) != nil || body.Password != "secret-of-"+body.Username {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		// The README, "Preventing Session Fixation".
		if err := sessions.RenewToken(r.Context()); err != nil {
			http.Error(w, "no session", http.StatusInternalServerError)
			return
		}
		sessions.Put(r.Context(), "user", body.Username)
		reply(w, map[string]string{"user": body.Username})
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		user := sessions.GetString(r.Context(), "user")
		if user == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		reply(w, map[string]string{"user": user})
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Destroy(r.Context()); err != nil {
			http.Error(w, "no session", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/cart", func(w http.ResponseWriter, r *http.Request) {
		if sessions.GetString(r.Context(), "user") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Method == http.MethodPost {
			sessions.Put(r.Context(), "cart", sessions.GetInt(r.Context(), "cart")+1)
		}
		reply(w, map[string]int{"cart": sessions.GetInt(r.Context(), "cart")})
	})
	named := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Node", os.Getenv("NODE_NAME"))
		sessions.LoadAndSave(mux).ServeHTTP(w, r)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), named))
}
