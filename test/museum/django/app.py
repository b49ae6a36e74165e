# Django's sessions in a Redis cache, and its own login. https://docs.djangoproject.com/en/5.2/topics/http/sessions/
import json
import os
import sys

from django.conf import settings

settings.configure(
    SECRET_KEY="a secret key of the museum that is long enough to be one",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"], "OPTIONS": {"timeout": 20}}},
    CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": os.environ["REDIS_URL"]}},
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    # Only in the museum, where the login is no subject.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)

import django

django.setup()

from django.contrib.auth import authenticate, get_user_model, login, logout
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import ensure_csrf_cookie


def named(view):
    def respond(request):
        response = view(request)
        response["X-Node"] = os.environ["NODE_NAME"]
        return response

    return respond


def log_in(request):
    if request.method == "GET":
        return HttpResponse("<form>")
    body = json.loads(request.body)
    user = authenticate(request, username=body["username"], password=body["password"])
    if user is None:
        return HttpResponse(status=401)
    login(request, user)
    return JsonResponse({"user": user.username})


def me(request):
    user = request.user
    return JsonResponse({"user": user.username}) if user.is_authenticated else HttpResponse(status=401)


def log_out(request):
    logout(request)
    return HttpResponse(status=204)


def cart(request):
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    if request.method == "POST":
        request.session["cart"] = request.session.get("cart", 0) + 1
    return JsonResponse({"cart": request.session.get("cart", 0)})


urlpatterns = [
    path("login", ensure_csrf_cookie(named(log_in))),
    path("me", named(me)),
    path("logout", named(log_out)),
    path("cart", named(cart)),
]
application = get_wsgi_application()

if __name__ == "__main__" and sys.argv[1:] == ["setup"]:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for name in ["ann", "bob", "cat"]:
        if not get_user_model().objects.filter(username=name).exists():
            get_user_model().objects.create_user(name, password=f"secret-of-{name}")
