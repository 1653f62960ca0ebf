"""The endpoints of a dashboard, and a page that shows the locks."""

from flask import Flask, abort, jsonify, render_template, request

from gaia_lock_manager import AlreadyEnded, GaiaLockManager, InvalidInput, StoreUnavailable, UnknownLock


def create_app(gaia_locks_dir=None):
    app = Flask(__name__)
    manager = GaiaLockManager(gaia_locks_dir)

    @app.get("/")
    def page():
        return render_template("locks.html")

    @app.get("/api/gaia/locks")
    def locks():
        status = manager.get_lock_status()
        return jsonify(count=status["count"], locks=status["locks"])

    # Slashes belong to the folder; Flask takes the first one away.
    @app.get("/api/gaia/locks/<path:folder_path>")
    def lock_of(folder_path):
        folder_path = "/" + folder_path.lstrip("/")
        locked, info = manager.is_locked(folder_path)
        return jsonify(folder_path=folder_path, is_locked=locked, lock_info=info)

    @app.post("/api/gaia/locks/<int:lock_id>/release")
    def release(lock_id):
        # A form of another site cannot send this header.
        if request.headers.get("X-Requested-With") != "fetch":
            abort(403)
        sent = request.get_json(silent=True)
        reason = sent.get("reason") if isinstance(sent, dict) else None
        ended = manager.force_release(lock_id, reason or "released on the dashboard")
        return jsonify(success=True, message=f"{ended['folder_path']} is free")

    def refuse(status):
        return lambda error: (jsonify(success=False, message=str(error)), status)

    app.register_error_handler(InvalidInput, refuse(400))
    app.register_error_handler(UnknownLock, refuse(404))
    app.register_error_handler(AlreadyEnded, refuse(409))
    app.register_error_handler(StoreUnavailable, refuse(503))
    return app
