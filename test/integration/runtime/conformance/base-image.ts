/** The image that test agents are built on: pulled where that can be, made by debootstrap where not (engine.mjs). */
export const BASE_IMAGE = 'python:3.12-slim';
