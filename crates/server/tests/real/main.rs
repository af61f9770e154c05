//! The real binary: started, refused, asked, stopped.

mod world;

mod admin;
mod configured;
mod first_start;
mod refusals;
mod screen;
mod stop;
mod storage;
