//! The router on a real socket.

use holdfast_server::{ServeError, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::scene::Scene;

#[tokio::test]
async fn what_is_asked_over_a_socket_is_answered_until_the_server_is_told_to_stop() {
    let scene = Scene::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, scene.router.clone(), async move {
        stopped.await.unwrap_or_default();
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /api/v1/tenants HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"name\":\"default\""), "{answer}");
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_listener_that_others_can_reach_is_refused() {
    let scene = Scene::new().await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(listener, scene.router.clone(), async {}).await.unwrap_err();
    assert!(matches!(refused, ServeError::NotLoopback { .. }));
    assert!(refused.to_string().contains("127.0.0.1"), "{refused}");
}
