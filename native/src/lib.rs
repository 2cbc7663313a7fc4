//! sr25519 under the `substrate` context, as @polkadot/util-crypto has it, without WebAssembly.
//!
//! Nothing here panics or throws on malformed keys or signatures: they are simply not valid.

use napi::bindgen_prelude::*;
use napi_derive::napi;
use schnorrkel::{PublicKey, SecretKey, Signature};

const CONTEXT: &[u8] = b"substrate";
const KEY: usize = 32;
const SIGNATURE: usize = 64;
/// The verdict of a job none of whose messages was signed.
const NONE: u8 = 255;

/// Whether `message`, as it is or wrapped as browser wallets wrap it, was signed.
fn signed(key: &PublicKey, signature: &Signature, message: &[u8]) -> bool {
    if key.verify_simple(CONTEXT, message, signature).is_ok() {
        return true;
    }
    let wrapped = [b"<Bytes>", message, b"</Bytes>"].concat();
    key.verify_simple(CONTEXT, &wrapped, signature).is_ok()
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Result<&'a [u8]> {
    if rest.len() < bytes {
        return Err(Error::from_reason("the packed jobs end early"));
    }
    let (taken, left) = rest.split_at(bytes);
    *rest = left;
    Ok(taken)
}

/// One verdict for each job: the index of the first of its messages that was signed, or 255.
/// A job is a public key (32 bytes), a signature (64), the number of its messages (1), and each message after
/// its length (u32, little endian).
fn verdicts(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut verdicts = Vec::new();
    while !rest.is_empty() {
        let key = PublicKey::from_bytes(take(&mut rest, KEY)?);
        let signature = Signature::from_bytes(take(&mut rest, SIGNATURE)?);
        let messages = take(&mut rest, 1)?[0];
        let mut verdict = NONE;
        for index in 0..messages {
            let length = take(&mut rest, 4)?;
            let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
            let message = take(&mut rest, length)?;
            if verdict != NONE {
                continue;
            }
            if let (Ok(key), Ok(signature)) = (&key, &signature) {
                if signed(key, signature, message) {
                    verdict = index;
                }
            }
        }
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

pub struct VerifyTask(Vec<u8>);

impl Task for VerifyTask {
    type Output = Vec<u8>;
    type JsValue = Buffer;

    fn compute(&mut self) -> Result<Self::Output> {
        verdicts(&self.0)
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> Result<Self::JsValue> {
        Ok(output.into())
    }
}

/// Verifies packed jobs on a thread of the pool.
#[napi(ts_return_type = "Promise<Buffer>")]
pub fn verify_packed(jobs: Buffer) -> AsyncTask<VerifyTask> {
    AsyncTask::new(VerifyTask(jobs.to_vec()))
}

/// Verifies packed jobs on the calling thread.
#[napi]
pub fn verify_packed_sync(jobs: Buffer) -> Result<Buffer> {
    Ok(verdicts(&jobs)?.into())
}

/// Signs with a key pair in the form that @polkadot/util-crypto keeps it: the secret in ed25519's expanded form.
#[napi]
pub fn sign(public_key: Buffer, secret_key: Buffer, message: Buffer) -> Result<Buffer> {
    let secret = SecretKey::from_ed25519_bytes(&secret_key).map_err(|error| Error::from_reason(error.to_string()))?;
    let public = PublicKey::from_bytes(&public_key).map_err(|error| Error::from_reason(error.to_string()))?;
    let signature = secret.sign_simple(CONTEXT, &message, &public);
    Ok(signature.to_bytes().to_vec().into())
}
