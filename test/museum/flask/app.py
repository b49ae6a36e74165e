# Flask-Session with Redis, as its documentation sets it up. https://flask-session.readthedocs.io
import os

import redis
from flask import Flask, request, session
from flask_session import Session

app = Flask(__name__)
app.config["SESSION_TYPE"] = "redis"
app.config["SESSION_REDIS"] = redis.from_url(os.environ["REDIS_URL"])
app.config["SESSION_KEY_PREFIX"] = "flask:"
Session(app)


@app.after_request
def name_node(response):
    response.headers["X-Node"] = os.environ["NODE_NAME"]
    return response


@app.post("/login")
def login():
    body = request.get_json()
    if body["password"] != f"secret-of-{body['username']}":
        return "", 401
    session["user"] = body["username"]
    # The documentation, "Security": regenerate the session id after a login.
    app.session_interface.regenerate(session)
    return {"user": session["user"]}


@app.get("/me")
def me():
    return {"user": session["user"]} if "user" in session else ("", 401)


@app.post("/logout")
def logout():
    session.clear()
    return "", 204


@app.route("/cart", methods=["GET", "POST"])
def cart():
    if "user" not in session:
        return "", 401
    if request.method == "POST":
        session["cart"] = session.get("cart", 0) + 1
    return {"cart": session.get("cart", 0)}
